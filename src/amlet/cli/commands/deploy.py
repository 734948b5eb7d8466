"""`amlet deploy`: serve models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from amlet.base.errors import NotFound
from amlet.base.ids import uuid4_text
from amlet.cli import json_output, place
from amlet.cli.deployment_files import read_deployment_files
from amlet.cli.deployment_options import deployment_of, deployment_options
from amlet.cli.options import json_option, workspace_options
from amlet.cli.service_view import wait_until_answers
from amlet.cli.terminal import Terminal, plain
from amlet.domain.deployment import ENDPOINT, Deployment
from amlet.sdk.connection import Connection
from amlet.sdk.workspace import Workspace
from amlet.wire.services import DeployService


@click.command("deploy")
@click.argument("name", metavar="SERVICE")
@deployment_options
@click.option(
    "--dc", "--deploy-config-file", "configuration_file", metavar="FILE", help="v1's deploymentconfig.json or .yml."
)
@click.option("--overwrite", is_flag=True, help="Take the place of the service of this name, without an outage.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for its first answer.")
@workspace_options
@json_option
def command(
    name: str,
    configuration_file: str | None,
    overwrite: bool,
    detach: bool,
    workspace: str | None,
    folder: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Serve models as SERVICE, and wait for its first answer.

    A scikit-learn model needs nothing but its name; anything else an entry script:

    \b
        amlet deploy iris -m iris
        amlet deploy scorer -m iris:2 -m wine --script score.py --pip requirements.txt --replicas 2 --auth key
        amlet deploy old -m iris:1 --ic inferenceconfig.json --dc deploymentconfig.json
        amlet deploy shop --version blue -m iris:1
        amlet deploy shop --version green -m iris:2 --traffic 20
    """
    held = place.connection(workspace, folder)
    terminal = Terminal(sys.stderr)
    with json_output.only_ours(as_json):
        version = options["version"]
        where = Workspace(*held.names, _held=held)
        files = read_deployment_files(options["inference_file"], configuration_file, folder, where)
        begin, made = Deployment(), DeployService(name, Deployment())
        if files.configuration is not None:
            begin = files.configuration._deployment()._replace(
                target=getattr(files.configuration, "compute_target_name", None)
            )
            made = files.configuration._request(name)
        asked = deployment_of(options, begin, name, folder, where, files.inference)
        if version:
            _ensure_endpoint(
                held, made._replace(deployment=Deployment(kind=ENDPOINT, auth=options["auth"] or begin.auth))
            )
            made = made._replace(primary_key=None, secondary_key=None)
        made = made._replace(
            deployment=asked.deployment,
            source=asked.entries,
            overwrite=overwrite,
            description=options["description"],
            tags=options["tags"],
            request_id=uuid4_text(),
            version=version,
            traffic=options["traffic"],
            is_default=options["is_default"],
        )
        answer = asked.send(held, lambda: held.client.services.deploy(held.workspace_id, made))
        assert answer.service is not None
        for note in answer.notes:
            terminal.line(f"{terminal.strong('note:')} {plain(note)}")
        service = answer.service if detach else wait_until_answers(held, answer.service)
        if as_json:
            json_output.document(service)
            return
        address = service.address or held.client.services.get(held.workspace_id, name).address
        print(f"{address}/score" if address else service.name)


def _ensure_endpoint(held: Connection, asked: DeployService) -> None:
    try:
        held.client.services.get(held.workspace_id, asked.name)
    except NotFound:
        held.client.services.deploy(held.workspace_id, asked._replace(request_id=uuid4_text()))
