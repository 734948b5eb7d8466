"""Records to JSON and back, by their annotations; one codec for both sides, standard library only.

Decoding collects every bad field with its path before it raises (the first hundred: a body of millions of wrong items
must not become an answer of millions of lines). Floats that JSON cannot hold (NaN and the
infinities) travel as `{"$float": "nan"}`, so that the text stays JSON that every language reads.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import typing
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Union

from amlet.base.clock import from_iso, to_iso
from amlet.base.errors import FieldError, InvalidInput

Errors = List[FieldError]
Decoder = Callable[[Any, str, Errors, bool], Any]
"""(data, path, errors, strict) -> value; strict refuses unknown fields."""


FAULTS_LIMIT = 100
"""Bad fields that one error names."""

DEPTH_LIMIT = 64
"""How deep free-form values may nest. Far below the interpreter's own limit, which decoding, storing and answering
would each meet elsewhere."""


_AS_IT_IS = frozenset({str, int, bool})
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class Raw:
    """Marks a body that passes round the codec: bytes, streamed."""


def encode(value: Any) -> Any:
    """A record, or a container of records, as what `json.dumps` takes."""
    if value is None or type(value) in _AS_IT_IS:
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: encode(item) for name, item in zip(value._fields, value)}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return to_iso(value) if isinstance(value, datetime) else value


def to_json(value: Any) -> bytes:
    """A record as UTF-8 JSON. Lone surrogates stay escaped, so that any text makes the round trip."""
    return _ENCODER.encode(encode(value)).encode("ascii")


def from_json(kind: Any, body: bytes, *, strict: bool, subject: str = "the request") -> Any:
    """Decode a JSON body.

    Args:
        kind: The record's class, or a typing form such as `List[Run]`.
        strict: Refuse unknown fields (requests); without it they are passed over (answers of a newer server).

    Raises:
        InvalidInput: with every bad field, or when the body is not JSON or too deep.
    """
    try:
        data = _loads(body.decode("utf-8")) if body else {}
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The body of {subject} is not JSON: {error}.") from error
    return decode(kind, data, strict=strict, subject=subject)


def decode(kind: Any, data: Any, *, strict: bool, subject: str = "the request") -> Any:
    """Decode what `json.loads` gave; see `from_json`."""
    errors: Errors = _Faults()
    try:
        value = decoder(kind)(data, "", errors, strict)
    except _Enough:
        value = None
    if errors:
        raise InvalidInput.of(errors, subject=subject)
    return value


def decode_query(kind: Any, query: Mapping[str, str], *, subject: str = "the query") -> Any:
    """Decode a query string's parameters: numbers and booleans are read from their text."""
    hints = _hints(kind)
    errors: Errors = []
    data: Dict[str, Any] = {}
    for name, text in query.items():
        wanted = _without_none(hints.get(name))
        try:
            if wanted is int:
                data[name] = int(text)
            elif wanted is float:
                data[name] = float(text)
            elif wanted is bool:
                data[name] = {"true": True, "false": False}[text]
            else:
                data[name] = text
        except (ValueError, KeyError):
            noun = {int: "a whole number", float: "a number", bool: "true or false"}[wanted]
            errors.append(FieldError(name, f"expected {noun}, got {text[:50]!r}"))
    if errors:
        raise InvalidInput.of(errors, subject=subject)
    return decode(kind, data, strict=True, subject=subject)


@functools.lru_cache(maxsize=None)
def _hints(kind: Any) -> Dict[str, Any]:
    return typing.get_type_hints(kind)


def encode_query(value: Any) -> Dict[str, str]:
    """The inverse of `decode_query`; what has its default is left out."""
    texts = {}
    for name, item in zip(value._fields, value):
        if item is not None and item != value._field_defaults.get(name):
            texts[name] = ("true" if item else "false") if isinstance(item, bool) else str(item)
    return texts


def decoder(kind: Any) -> Decoder:
    """The decoder of a type, made once."""
    try:
        return _DECODERS[kind]
    except (KeyError, TypeError):
        made = _make(kind)
        with contextlib.suppress(TypeError):  # a typing form that cannot be a key
            _DECODERS[kind] = made
        return made


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) is Union:
        return next((item for item in typing.get_args(kind) if item is not type(None)), None)
    return kind


def _make(kind: Any) -> Decoder:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return _any
    if origin is Union:
        return _optional(decoder(_without_none(kind)))
    if origin is list:
        return _list_of(decoder(arguments[0]))
    if origin is dict:
        return _dict_of(decoder(arguments[1]))
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        return _record(kind)
    return _PLAIN[kind]


class _Enough(Exception):
    """More faults would help nobody."""


class _Faults(List[FieldError]):
    """Bad fields, up to the limit."""

    def append(self, fault: FieldError) -> None:
        super().append(fault)
        if len(self) >= FAULTS_LIMIT:
            raise _Enough


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


_loads = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _any(data: Any, path: str, errors: Errors, _strict: bool) -> Any:
    return _free(data, path, errors, DEPTH_LIMIT)


def _free(data: Any, path: str, errors: Errors, depth_left: int) -> Any:
    if not isinstance(data, (dict, list)):
        return data
    if not depth_left:
        errors.append(FieldError(path, f"is nested deeper than {DEPTH_LIMIT} levels"))
        return None
    if isinstance(data, list):
        return [_free(item, path, errors, depth_left - 1) for item in data]
    if len(data) == 1 and data.get("$float") in ("nan", "inf", "-inf"):
        return float(data["$float"])
    return {key: _free(item, path, errors, depth_left - 1) for key, item in data.items()}


def _optional(inner: Decoder) -> Decoder:
    def read(data: Any, path: str, errors: Errors, strict: bool) -> Any:
        return None if data is None else inner(data, path, errors, strict)

    return read


def _list_of(inner: Decoder) -> Decoder:
    def read(data: Any, path: str, errors: Errors, strict: bool) -> Any:
        if not isinstance(data, list):
            errors.append(FieldError(path, f"expected a list, got {_noun(data)}"))
            return []
        return [inner(item, f"{path}[{number}]", errors, strict) for number, item in enumerate(data)]

    return read


def _dict_of(inner: Decoder) -> Decoder:
    def read(data: Any, path: str, errors: Errors, strict: bool) -> Any:
        if not isinstance(data, dict):
            errors.append(FieldError(path, f"expected an object, got {_noun(data)}"))
            return {}
        return {
            key: inner(item, f"{path}.{key[:_KEY_SHOWN]}" if path else key[:_KEY_SHOWN], errors, strict)
            for key, item in data.items()
        }

    return read


def _record(kind: Any) -> Decoder:
    hints = typing.get_type_hints(kind)
    readers = {name: decoder(hints[name]) for name in kind._fields}
    defaults: Mapping[str, Any] = kind._field_defaults
    noun = kind.__name__

    def read(data: Any, path: str, errors: Errors, strict: bool) -> Any:
        if not isinstance(data, dict):
            errors.append(FieldError(path, f"expected an object ({noun}), got {_noun(data)}"))
            return None
        prefix = path + "." if path else ""
        before = len(errors)
        values = {}
        for name, reader in readers.items():
            if name in data:
                values[name] = reader(data[name], prefix + name, errors, strict)
            elif name not in defaults:
                errors.append(FieldError(prefix + name, "is missing"))
        if strict:
            for name in data:
                if name not in readers:
                    errors.append(FieldError(prefix + name[:_KEY_SHOWN], "is not a field of " + noun))
        return kind(**values) if len(errors) == before else None

    return read


def _plain(kind: type, noun: str) -> Decoder:
    def read(data: Any, path: str, errors: Errors, _strict: bool) -> Any:
        if type(data) is kind:
            return data
        errors.append(FieldError(path, f"expected {noun}, got {_noun(data)}"))
        return None

    return read


def _int(data: Any, path: str, errors: Errors, _strict: bool) -> Optional[int]:
    if type(data) is not int:
        errors.append(FieldError(path, f"expected a whole number, got {_noun(data)}"))
    elif -(1 << 63) <= data < 1 << 63:
        return data
    else:
        errors.append(FieldError(path, "expected a whole number of at most 64 bits"))
    return None


def _float(data: Any, path: str, errors: Errors, strict: bool) -> Optional[float]:
    found = _any(data, path, errors, strict) if isinstance(data, dict) else data
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        with contextlib.suppress(OverflowError):
            return float(found)
    errors.append(FieldError(path, f"expected a number, got {_noun(data)}"))
    return None


def _datetime(data: Any, path: str, errors: Errors, _strict: bool) -> Optional[datetime]:
    try:
        return from_iso(data)
    except (ValueError, TypeError, AttributeError, OverflowError):
        errors.append(FieldError(path, f"expected a time such as 2026-01-31T12:00:00Z, got {_noun(data)}"))
        return None


def _noun(data: Any) -> str:
    if data is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    noun = names.get(type(data), type(data).__name__)
    # The text of a container may be as large as the body, and nested too deep to be written.
    if isinstance(data, (list, dict)):
        return noun
    long = len(data) > 40 if isinstance(data, str) else isinstance(data, int) and data.bit_length() > 100
    return noun if long else f"{noun} ({data!r})"


_KEY_SHOWN = 100
"""Characters of a key of the sender's own that an error repeats."""


_PLAIN: Dict[Any, Decoder] = {
    str: _plain(str, "a text"),
    int: _int,
    bool: _plain(bool, "true or false"),
    float: _float,
    datetime: _datetime,
}
_DECODERS: Dict[Any, Decoder] = {}
