"""Column types: times as microseconds, records as JSON, text of any kind."""

from __future__ import annotations

import functools
import zlib
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from amlet.base.errors import InvalidInput, StorageFailed
from amlet.wire.codec import from_json, to_json

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_SHORT_BYTES = 8 << 10

RowId: TypeEngine[int] = BigInteger().with_variant(Integer, "sqlite")
"""A number the database gives. SQLite numbers rows by itself only where the type is spelled INTEGER."""


class Moment(TypeDecorator[datetime]):
    """A time as whole microseconds since 1970, UTC: exact, ordered, and the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """A record, or a container of them, as JSON text. Fields that this version does not know are passed over."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else to_json(value).decode("ascii")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else _decoded(self.kind, value.encode("ascii"))


class PackedJson(TypeDecorator[Any]):
    """The same, compressed: for what is large and never searched."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else zlib.compress(to_json(value), 1)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:  # noqa: ARG002
        if value is None:
            return None
        return _unpacked_once(self.kind, value) if len(value) <= _SHORT_BYTES else _unpacked(self.kind, value)


class AnyText(TypeDecorator[str]):
    """Text exactly as given, NUL and lone surrogates included, which no database's own text type takes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.decode("utf-8", "surrogatepass")


def _decoded(kind: Any, text: bytes) -> Any:
    """A record is the same whenever its text is: nobody changes one in place, so the same short text is read once."""
    return _read_once(kind, text) if len(text) <= _SHORT_BYTES else _read(kind, text)


@functools.lru_cache(maxsize=64)
def _unpacked_once(kind: Any, packed: bytes) -> Any:
    return _unpacked(kind, packed)


def _unpacked(kind: Any, packed: bytes) -> Any:
    return _read(kind, zlib.decompress(packed))


@functools.lru_cache(maxsize=2048)
def _read_once(kind: Any, text: bytes) -> Any:
    return _read(kind, text)


def _read(kind: Any, text: bytes) -> Any:
    try:
        return from_json(kind, text, strict=False, subject="a record")
    except InvalidInput as error:
        raise StorageFailed(f"A record in the database is damaged: {error.message}") from error
