"""`amlet init`: say to which workspace a folder belongs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from amlet.base.errors import Conflict, InvalidInput
from amlet.base.names import WORKSPACE
from amlet.cli import json_output, place
from amlet.cli.options import json_option
from amlet.cli.own_files import write_new
from amlet.sdk import config_file


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--subscription", default=place.DEFAULT.subscription_id, show_default=True, help="As in the script.")
@click.option("--group", default=place.DEFAULT.resource_group, show_default=True, help="The resource group.")
@click.option("--name", default=place.DEFAULT.name, show_default=True, help="The workspace.")
@click.option("--url", help="The server of a team: https://amlet.example.org. Default: this machine's own.")
@json_option
def command(folder: Path, subscription: str, group: str, name: str, url: str | None, as_json: bool) -> None:
    """Write FOLDER/config.json, which `Workspace.from_config()` and every command here reads.

    Asks nothing and starts nothing. A config.json with other content is left as it is.
    """
    WORKSPACE.check(name)
    for option, value in (("--subscription", subscription), ("--group", group)):
        if not value or "/" in value:
            raise InvalidInput(f"{option} {value!r} cannot be used: it must not be empty or hold a '/'.")
    if url is not None:
        from amlet.client.address import Address

        Address.parse(url, "")
    content = {"subscription_id": subscription, "resource_group": group, "workspace_name": name}
    if url is not None:
        content["amlet_url"] = url
    written = folder / "config.json"
    made = write_new(written, json.dumps(content, indent=2) + "\n")
    if not made and config_file.read(written) != config_file.Config(subscription, group, name, url):
        raise Conflict(
            f"{written} is there and says something else; it was left as it is.",
            hint="delete it first, or give its names: --subscription, --group, --name, --url.",
        )
    # v1 looks for .azureml/config.json, here and in every folder above, before it looks at this file.
    used, _ = config_file.search(folder.resolve(), config_file.FILES)
    hidden = used is not None and used != written.resolve()
    if as_json:
        json_output.document({"config": str(written), "written": made, "hidden_by": str(used) if hidden else None})
        return
    print(f"{'Wrote' if made else 'Kept'} {written}: workspace {subscription}/{group}/{name}.")
    if hidden:
        print(f"amlet: warning: {used} comes before it, as in v1, and is what is used here", file=sys.stderr)
    where = "" if folder == Path() else f" -C {folder}"
    print(f"Go on with `amlet submit{where} SCRIPT.py --conda FILE.yml`, or Workspace.from_config() in a script.")
