"""Elements as YAML with comments, and back: camelCase is written, snake_case read too (v1-behaviours 9.10, 9.11)."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Dict, List, Mapping, Tuple

from amlet.base.names import closest
from amlet.sdk.config_element import Field, camel, wrong_type

_WITHOUT_MEANING = frozenset((
    "aisupercomputer", "applicationendpoints", "autoprepareenvironment", "clustermaxnodecount",
    "commandreturncodeconfig", "condadependencies", "containerinstance", "databricks", "enablemlflowtracking",
    "exposedports", "identity", "instancetypes", "jobname", "label", "prepareenvironment", "r",
    "registryidentity", "retaincluster", "useabsolutepath",
))  # fmt: skip
"""Keys that v1's versions wrote into every file and that choose nothing here."""

_WITHOUT_MEANING_AT = frozenset(("amlcompute.name",))
"""The same, where the key means something elsewhere."""

_KEPT_WHEN_EMPTY = ("target", "framework", "communicator", "node_count", "name")
"""An empty value leaves these as they are."""


class Comments:
    """The comments of a mapping's keys."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = {camel(name): field for name, field in fields.items()}

    def of(self, key: str) -> str:
        """The comment above a key, or nothing."""
        return self._fields[key].comment if key in self._fields else ""

    def below(self, key: str) -> Comments:
        """The comments of the keys in a section."""
        field = self._fields.get(key)
        return Comments(field.fields if field is not None and field.kind == "section" else {})


def dump(content: Mapping[str, Any], comments: Comments) -> str:
    """A configuration as text."""
    return "".join(line + "\n" for line in _lines(content, comments, ""))


class Reader:
    """Takes a mapping over into an element; what is wrong, and what is unknown, is listed by its path."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.faults: List[Tuple[str, str]] = []
        self.unknown: List[str] = []

    def fill(self, element: Any, content: Mapping[Any, Any], fields: Mapping[str, Field], path: str = "") -> None:
        """Set what the mapping holds. Keys may be camelCase or snake_case."""
        known = {_squashed(name): name for name in fields}
        for key, value in content.items():
            name = known.get(_squashed(str(key)))
            if name is not None:
                self._set(element, name, fields[name], value, f"{path}{key}")
            elif _squashed(str(key)) not in _WITHOUT_MEANING and _squashed(f"{path}{key}") not in _WITHOUT_MEANING_AT:
                near = closest(str(key), [camel(item) for item in fields]).rstrip("? ")
                self.unknown.append(f"{path}{key}" + (f" ({near}?)" if near else ""))

    def _set(self, element: Any, name: str, field: Field, value: Any, where: str) -> None:
        if value is None:
            if (field.kind in ("text", "number", "real", "any") and name not in _KEPT_WHEN_EMPTY) or (
                field.kind == "section" and field.optional
            ):
                setattr(element, name, None)
            return
        if field.kind == "text" and isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        wrong = wrong_type(field, value)
        if wrong:
            self.faults.append((where, wrong))
        elif field.kind == "section":
            held = getattr(element, name)
            if held is None:
                held = field.make()
                setattr(element, name, held)
            self.fill(held, value, field.fields, where + ".")
        elif field.kind == "sections":
            made = {str(key): self._made(field, item, f"{where}.{key}") for key, item in value.items()}
            setattr(element, name, made)
        elif field.kind == "parts":
            setattr(element, name, [self._made(field, item, f"{where}[{at}]") for at, item in enumerate(value)])
        elif field.kind == "texts" and isinstance(getattr(element, name), dict):
            held = getattr(element, name)
            held.clear()
            held.update(value)
        else:
            setattr(element, name, value)

    def _made(self, field: Field, content: Any, where: str) -> Any:
        made = field.make()
        if isinstance(content, Mapping):
            self.fill(made, content, field.fields, where + ".")
        else:
            self.faults.append((where, wrong_type(field._replace(kind="section"), content)))
        return made


def _lines(content: Mapping[str, Any], comments: Comments, pad: str) -> List[str]:
    lines: List[str] = []
    for key, value in content.items():
        comment = comments.of(key)
        if comment:
            lines.append(f"{pad}# {comment}")
        below = comments.below(key)
        if value is None:
            lines.append(f"{pad}{key}:")
        elif isinstance(value, dict) and below._fields:
            lines.append(f"{pad}{key}:")
            lines.extend(_lines(value, below, pad + "  "))
        else:
            lines.extend(pad + line for line in _plain_text({key: _saveable(value, key)}))
    return lines


def _plain_text(content: Dict[str, Any]) -> List[str]:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes a text that has line ends on one line, so that the whole can be indented."""

    def text(dumper: yaml.SafeDumper, value: str) -> Any:
        is_long = len(value.splitlines()) > 1 or value[-1:].isspace()
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if is_long else None)

    Dumper.add_representer(str, text)
    Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
    written = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1 << 30)
    return str(written).rstrip("\n").split("\n")


def _saveable(value: Any, where: str) -> Any:
    """A value as YAML can hold it.

    Raises:
        UserErrorException: for what it cannot hold, such as a dataset.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return _builtin(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _saveable(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_saveable(item, f"{where}[{number}]") for number, item in enumerate(value)]
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    from amlet.sdk.exceptions import UserErrorException

    raise UserErrorException(
        f"{where} of a run configuration cannot be saved: {type(value).__name__} {value!r:.60} is no text or number.",
        hint="put such a value into the arguments after loading.",
    )


def _builtin(value: Any) -> Any:
    """Subclasses of texts and numbers, such as numpy's and enumerations', as the plain type."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _squashed(name: str) -> str:
    return name.replace("_", "").lower()
