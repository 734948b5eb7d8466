"""Elements of a configuration: plain attributes, closed once the element is made (v1-behaviours 9.9)."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Tuple, Type


class Field(NamedTuple):
    """One attribute of an element: what it may hold and what a file says of it.

    Attributes:
        kind: `text`, `number` (whole), `real`, `flag`, `list`, `texts` (a mapping to texts and numbers), `mapping`,
            `words` (a text or a list), `any`, `section` (an element), `sections` (a mapping to elements) or `parts` (a
            list of them). None is always allowed, but for a flag and a section that is not optional.
        comment: Stands above it in a file.
        make: Makes an empty element, for a section.
        fields: What a section holds.
        optional: Whether a section may be None.
    """

    kind: str
    comment: str = ""
    make: Callable[[], Any] = dict
    fields: Mapping[str, Any] = {}
    optional: bool = False


class ConfigElement:
    """An object whose set of attributes is closed, so that a typo fails at once.

    A subclass sets its attributes in `__init__` and calls `_close()` last. `_FIELDS` says which of them are kept in a
    file, in this order.
    """

    _FIELDS: Dict[str, Field] = {}

    def _close(self) -> None:
        object.__setattr__(self, "_closed", True)

    def __setattr__(self, name: str, value: Any) -> None:
        if getattr(self, "_closed", False) and not hasattr(self, name):
            import difflib

            known = [held for held in (*vars(self), *_properties(type(self))) if held[0] != "_"]
            near = difflib.get_close_matches(name, known, n=1)
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name}" + (f"; did you mean {near[0]}?" if near else "")
            )
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{type(self).__name__}({shown})"


def _properties(kind: type) -> List[str]:
    return [name for name in dir(kind) if isinstance(getattr(kind, name, None), property)]


def section(kind: Type[ConfigElement], comment: str = "", *, optional: bool = False) -> Field:
    """A field that holds an element."""
    return Field("section", comment, kind, kind._FIELDS, optional)


def sections(kind: Type[ConfigElement], comment: str = "") -> Field:
    """A field that holds elements by name."""
    return Field("sections", comment, kind, kind._FIELDS)


def parts(kind: Type[ConfigElement], comment: str = "") -> Field:
    """A field that holds a list of elements."""
    return Field("parts", comment, kind, kind._FIELDS)


def camel(name: str) -> str:
    """`node_count` as v1's files have it: `nodeCount`."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def plain(element: Any, fields: Mapping[str, Field]) -> Dict[str, Any]:
    """An element as what YAML and JSON hold, under v1's camelCase keys."""
    told: Dict[str, Any] = {}
    for name, field in fields.items():
        value = getattr(element, name)
        if field.kind == "section" and value is not None:
            value = plain(value, field.fields)
        elif field.kind == "sections" and value is not None:
            value = {key: plain(item, field.fields) for key, item in value.items()}
        elif field.kind == "parts" and value is not None:
            value = [plain(item, field.fields) for item in value]
        elif isinstance(value, Mapping):
            value = dict(value)
        elif isinstance(value, (list, tuple)):
            value = list(value)
        told[camel(name)] = value
    return told


def faults(element: Any, fields: Mapping[str, Field], path: str = "") -> Tuple[Tuple[str, str], ...]:
    """What of an element cannot be right: (where, what) for each attribute whose value has another type."""
    found: List[Tuple[str, str]] = []
    for name, field in fields.items():
        value, where = getattr(element, name), f"{path}{name}"
        if field.kind == "section":
            if value is None and field.optional:
                continue
            found.extend(_section_faults(value, field, where))
        elif field.kind == "sections" and isinstance(value, Mapping):
            for key, item in value.items():
                found.extend(_section_faults(item, field, f"{where}[{key!r}]"))
        elif field.kind == "parts" and isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                found.extend(_section_faults(item, field, f"{where}[{number}]"))
        else:
            wrong = wrong_type(field, value)
            if wrong:
                found.append((where, wrong))
    return tuple(found)


def _section_faults(value: Any, field: Field, where: str) -> Tuple[Tuple[str, str], ...]:
    made = field.make
    if isinstance(made, type) and not isinstance(value, made):
        return ((where, f"must be a {made.__name__}, not {shown(value)}"),)
    return faults(value, field.fields, where + ".")


def wrong_type(field: Field, value: Any) -> str:
    """What is wrong with a value, or nothing."""
    if value is None and field.kind not in ("flag", "section"):
        return ""
    kinds, noun = _KINDS[field.kind]
    is_right = isinstance(value, kinds) and not (isinstance(value, bool) and field.kind in ("number", "real", "text"))
    if is_right and field.kind == "texts":
        is_right = all(isinstance(key, str) and isinstance(item, (str, int, float)) for key, item in value.items())
    return "" if is_right else f"must be {noun}, not {shown(value)}"


_KINDS: Dict[str, Tuple[Any, str]] = {
    "text": (str, "a text"),
    "number": (int, "a whole number"),
    "real": ((int, float), "a number"),
    "flag": (bool, "true or false"),
    "list": ((list, tuple), "a list"),
    "words": ((str, list, tuple), "a text or a list"),
    "texts": (Mapping, "a mapping of names to texts"),
    "mapping": (Mapping, "a mapping"),
    "section": (Mapping, "a mapping"),
    "sections": (Mapping, "a mapping"),
    "parts": ((list, tuple), "a list"),
    "any": (object, "anything"),
}


def shown(value: Any) -> str:
    """A value in a message, cut."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
