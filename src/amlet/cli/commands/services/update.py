"""`amlet services update`: change a service without an outage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from amlet.base.ids import uuid4_text
from amlet.cli import json_output, place
from amlet.cli.deployment_files import read_deployment_files
from amlet.cli.deployment_options import deployment_of, deployment_options
from amlet.cli.options import json_option, workspace_options
from amlet.cli.service_view import wait_until_answers
from amlet.cli.terminal import Terminal, plain
from amlet.sdk.workspace import Workspace
from amlet.wire.services import ServiceQuery, UpdateService


@click.command("update")
@click.argument("name", metavar="SERVICE")
@deployment_options
@click.option("--restart", is_flag=True, help="New processes, though nothing differs.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait until the change answers.")
@workspace_options
@json_option
def command(
    name: str, restart: bool, detach: bool, workspace: str | None, folder: Path, as_json: bool, **options: Any
) -> None:
    """Change a service; what no option names stays. No request is refused meanwhile.

    What is running answers until the change does. A change that fails leaves it answering.
    """
    held = place.connection(workspace, folder)
    terminal = Terminal(sys.stderr)
    with json_output.only_ours(as_json):
        version = options["version"]
        before = held.client.services.get(held.workspace_id, name, ServiceQuery(version=version))
        where = Workspace(*held.names, _held=held)
        files = read_deployment_files(options["inference_file"], None, folder, where)
        asked = deployment_of(options, before.deployment, name, folder, where, files.inference)
        made = UpdateService(
            asked.deployment if asked.deployment != before.deployment or asked.source is not None else None,
            asked.entries if asked.source is not None else None,
            known=before.changes,
            restart=restart,
            description=options["description"],
            tags={**before.tags, **options["tags"]} if options["tags"] else None,
            request_id=uuid4_text(),
            version=version,
            traffic=options["traffic"],
            is_default=options["is_default"] or None,
        )
        answer = asked.send(held, lambda: held.client.services.update(held.workspace_id, name, made))
        assert answer.service is not None
        for note in answer.notes:
            terminal.line(f"{terminal.strong('note:')} {plain(note)}")
        service = answer.service if detach else wait_until_answers(held, answer.service)
        if as_json:
            json_output.document(service)
            return
        Terminal(sys.stdout).line(f"{plain(service.name)} is at revision {service.revision}: {service.state}.")
