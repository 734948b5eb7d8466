"""config.json: which workspace a folder belongs to (v1-behaviours 1.1-1.6)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from amlet.sdk.exceptions import UserErrorException

FOLDERS = (".azureml", "aml_config", "")
FILES = ("config.json", "project.json")
KEYS = ("subscription_id", "resource_group", "workspace_name")


class Config(NamedTuple):
    """What a config.json says."""

    subscription_id: str
    resource_group: str
    workspace_name: str
    amlet_url: Optional[str]
    """The server of the workspace; None for the one of this user on this machine."""


class BrokenConfig(UserErrorException, json.JSONDecodeError):
    """A config.json that is not JSON. v1 lets json's own error through, so it is that too (v1-behaviours 1.4)."""

    def __init__(self, place: Path, error: json.JSONDecodeError) -> None:
        json.JSONDecodeError.__init__(self, error.msg, error.doc, error.pos)
        # AmletError.__init__ would call the next class in line, which takes other arguments.
        self.message = f"{place} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        self.hint = "it should hold " + ", ".join(f'"{key}": "..."' for key in KEYS) + " in braces."
        self.inner_exception = error
        self.fields = []
        self._target = self._details = None


def load(path: Optional[str] = None, file_name: Optional[str] = None) -> Config:
    """Find and read the config of a path.

    Raises:
        UserErrorException: if there is none, naming every place looked at, or if keys are missing.
    """
    start = Path(path or ".")
    if start.is_file():
        return read(start)
    found, looked = search(start.resolve(), (file_name,) if file_name else FILES)
    if found is None:
        names = file_name or "config.json"
        places = "".join(f"\n    {place}" for place in looked)
        raise UserErrorException(
            f"We could not find {names} in {start.resolve()} or its parent folders. Looked at:{places}",
            hint="write one with Workspace.get(name=..., subscription_id=..., resource_group=...).write_config(), "
            "or with `amlet init`.",
        )
    return read(found)


def search(start: Path, file_names: Tuple[str, ...]) -> Tuple[Optional[Path], List[Path]]:
    """The config that v1 would take, and every place that was looked at before.

    Sub-folders outside, file names next, the walk up to the root innermost: `/.azureml/config.json` comes before
    `./config.json` (v1-behaviours 1.2).
    """
    looked: List[Path] = []
    for folder in FOLDERS:
        for file_name in file_names:
            for parent in (start, *start.parents):
                place = parent / folder / file_name
                looked.append(place)
                if place.is_file():
                    return place, looked
    return None, looked


def read(place: Path) -> Config:
    """Read one config file."""
    try:
        content = json.loads(place.read_text("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise BrokenConfig(place, error) from error
    except UnicodeDecodeError as error:
        raise UserErrorException(f"{place} is not UTF-8 text: {error}.") from error
    except OSError as error:
        raise UserErrorException(f"{place} cannot be read: {error.strerror}.") from error
    names = _names(content) if isinstance(content, dict) else None
    if names is None:
        missing = [key for key in KEYS if not (isinstance(content, dict) and isinstance(content.get(key), str))]
        raise UserErrorException(
            f"{place} does not say which workspace: {', '.join(missing)} must be there as texts.",
            hint="it needs the keys subscription_id, resource_group and workspace_name.",
        )
    url = content.get("amlet_url")
    if url is not None and not isinstance(url, str):
        raise UserErrorException(f"amlet_url in {place} must be an address such as https://host:8787, not {url!r}.")
    return Config(*names, url)


def write(config: Config, path: Optional[str], file_name: Optional[str]) -> Path:
    """Write `<path>/.azureml/config.json`, where v1 puts it, with v1's content (v1-behaviours 1.6)."""
    base = Path(path or ".")
    folder = base / ("aml_config" if (base / "aml_config").is_dir() else ".azureml")
    name = Path(file_name).with_suffix(".json").name if file_name else "config.json"
    if not file_name and (folder / "project.json").is_file():
        name = "project.json"
    content: Dict[str, Any] = {
        "Id": None,
        "Scope": f"/subscriptions/{config.subscription_id}/resourceGroups/{config.resource_group}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{config.workspace_name}",
    }
    if config.amlet_url:
        content["amlet_url"] = config.amlet_url
    place = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(content), "utf-8")
    except OSError as error:
        raise UserErrorException(f"Cannot write {place}: {error.strerror}.") from error
    return place


def _names(content: Dict[str, Any]) -> Optional[Tuple[str, str, str]]:
    scope = content.get("Scope")
    if isinstance(scope, str):
        parts = scope.split("/")
        if len(parts) > 8:
            return parts[2], parts[4], parts[8]
    found = [content.get(key) for key in KEYS]
    if all(isinstance(value, str) and value for value in found):
        return str(found[0]), str(found[1]), str(found[2])
    return None
