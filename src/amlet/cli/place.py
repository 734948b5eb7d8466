"""Which workspace a command is about."""

from __future__ import annotations

from pathlib import Path

from amlet.base.names import WORKSPACE
from amlet.sdk import config_file
from amlet.sdk.config_file import Config
from amlet.sdk.connection import Connection, Names

DEFAULT = Names("local", "local", "default")
"""The workspace of a folder that names none."""


def connection(workspace: str | None, folder: Path, *, creates: bool = False) -> Connection:
    """The workspace of `-w`, else of the config.json found from the folder upwards, else the default one.

    A workspace of this machine's own is made on first use, but one that was named by `-w` only where `creates` says
    so: a misspelt name should not make another.

    Raises:
        NotFound: if there is no such workspace.
    """
    config = _config(folder)
    names = named(workspace, config) if workspace is not None else known(config)
    held = Connection(names, url=config.amlet_url if config else None)
    if workspace is not None and not creates and names != known(config):
        held.ensure(create=False)
    return held


def known(config: Config | None) -> Names:
    """The names in a config, else the default ones."""
    return Names(config.subscription_id, config.resource_group, config.workspace_name) if config else DEFAULT


def named(text: str, config: Config | None) -> Names:
    """What `-w` means: three names, or one, and then the rest is config.json's or what `Workspace.get` takes.

    Raises:
        InvalidInput: if the name breaks the rule.
    """
    subscription, _, rest = text.partition("/")
    group, _, name = rest.partition("/")
    if subscription and group and name:
        return Names(subscription, group, WORKSPACE.check(name))
    WORKSPACE.check(text)
    for fitting in (known(config), DEFAULT):
        if fitting.name == text:
            return fitting
    return Names("local", f"{text}-rg", text)


def _config(folder: Path) -> Config | None:
    found, _ = config_file.search(folder.resolve(), config_file.FILES)
    return config_file.read(found) if found else None
