"""What a pickle would import, told without running it: every name becomes an inert stand-in, nothing is called."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

SAFE = ("numpy", "scipy", "sklearn", "joblib", "pandas", "collections", "copyreg", "_codecs", "datetime")
"""Packages that trained models name. What is of none of them deserves a look before it is loaded."""

UNCOMPRESSED_LIMIT_BYTES = 8 << 30
_NAME_WIDTHS = {"U": 4, "O": 0}


class Imports(NamedTuple):
    """What loading the file would import and may call."""

    names: list[str]
    """`sklearn.svm._classes.SVC`, sorted."""
    unusual: list[str]
    """Those of packages that models seldom name, such as `os.system`."""
    trouble: str | None
    """Why the file could not be read to its end; the names are then those before that place."""


def imports_of(path: Path) -> Imports:
    """Read a pickle, or what joblib wrote, compressed or not.

    Its own reading of arrays is followed, since joblib puts their bytes between the opcodes.
    """
    try:
        with path.open("rb") as raw:
            return imports_in(raw)
    except OSError as error:
        return Imports([], [], f"{type(error).__name__}: {error}")


def imports_in(raw: IO[bytes]) -> Imports:
    """The same of an open file, which can be sought in."""
    found: set[str] = set()
    trouble = None
    try:
        _read(_opened(raw), found)
    except Exception as error:  # noqa: BLE001 - whatever a hostile file makes the reader raise is told, not raised
        trouble = f"{type(error).__name__}: {error}"
    names = sorted(found)
    builtin = ("builtins.object", "builtins.set", "builtins.frozenset", "builtins.slice", "builtins.bytearray")
    unusual = [name for name in names if name.partition(".")[0] not in SAFE and name not in builtin]
    return Imports(names, unusual, trouble)


def _opened(raw: IO[bytes]) -> _Bounded:
    """The stream itself, or what is compressed in it."""
    start = raw.read(6)
    raw.seek(0)
    if start[:2] == b"\x1f\x8b":
        return _Bounded(gzip.GzipFile(fileobj=raw))
    if start[:3] == b"BZh":
        return _Bounded(bz2.BZ2File(raw))
    if start == b"\xfd7zXZ\x00" or start[:3] == b"\x5d\x00\x00":
        return _Bounded(lzma.LZMAFile(raw))
    if start[:1] == b"\x78" and start[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        return _Bounded(io.BufferedReader(_Inflating(raw)))
    return _Bounded(raw)


class _Bounded(io.RawIOBase):
    """A stream that ends with an error when it grows beyond any model."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self._inner = inner
        self._taken = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._count(self._inner.read(size))

    def readline(self, size: int | None = -1) -> bytes:
        return self._count(self._inner.readline(-1 if size is None else size))

    def skip(self, size: int) -> None:
        """Pass over bytes without holding them."""
        while size > 0:
            taken = len(self.read(min(size, 1 << 20)))
            if not taken:
                raise EOFError("the file ends within an array")
            size -= taken

    def _count(self, data: bytes) -> bytes:
        self._taken += len(data)
        if self._taken > UNCOMPRESSED_LIMIT_BYTES:
            raise ValueError(f"more than {UNCOMPRESSED_LIMIT_BYTES >> 30} GB when uncompressed")
        return data


class _Inflating(io.RawIOBase):
    """joblib's own zlib files."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw
        self._inflater = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._inflater.eof:
            data = self._inflater.unconsumed_tail or self._raw.read(1 << 16)
            out = self._inflater.decompress(data, len(buffer))
            if out:
                buffer[: len(out)] = out
                return len(out)
            if not data:
                break
        return 0


class _StandIn:
    """In place of whatever a pickle names: takes any arguments and state, and does nothing."""

    named = ""
    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __new__(cls, *arguments: Any, **_: Any) -> _StandIn:
        made = object.__new__(cls)
        made.arguments = arguments
        return made

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **_: Any) -> _StandIn:
        return _StandIn(*arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass


_PLAIN: Any = pickle._Unpickler
"""The reader in Python itself: the one in C cannot be stopped between opcodes."""


class _Reader(_PLAIN):  # type: ignore[misc]
    """Walks the opcodes with stand-ins only."""

    dispatch: dict[int, Callable[[Any], None]] = dict(_PLAIN.dispatch)

    def __init__(self, stream: _Bounded, found: set[str]) -> None:
        super().__init__(stream)
        self._stream = stream
        self._found = found

    def find_class(self, module: str, name: str) -> type[_StandIn]:
        named = f"{module}.{name}"
        self._found.add(named)
        return type("StandIn", (_StandIn,), {"named": named})

    def get_extension(self, code: int) -> None:
        self._found.add(f"copyreg.extension_{code}")
        self.append(_StandIn())

    def persistent_load(self, _id: Any) -> _StandIn:
        return _StandIn()

    def load_build(self) -> None:
        _PLAIN.load_build(self)
        made = self.stack[-1]
        if isinstance(made, _StandIn) and made.named.endswith(".NumpyArrayWrapper") and isinstance(made.state, dict):
            self._pass_array(made.state)

    dispatch[pickle.BUILD[0]] = load_build

    def _pass_array(self, state: dict[str, Any]) -> None:
        """What joblib writes right after the wrapper: the array's bytes, or a pickle of an array of objects."""
        size = _item_size(state["dtype"])
        if size is None:
            _read(self._stream, self._found)
            return
        for length in state["shape"]:
            size *= length
        if state.get("numpy_array_alignment_bytes") is not None:
            self._stream.skip(self._stream.read(1)[0])
        self._stream.skip(size)


def _read(stream: _Bounded, found: set[str]) -> None:
    _Reader(stream, found).load()


def _item_size(dtype: _StandIn) -> int | None:
    """Bytes an item; None for Python objects. A dtype's pickle holds `f8`, `U10`, `V64` or `O8`."""
    code = re.fullmatch(r"[<>=|]?([a-zA-Z])(\d+)", str(dtype.arguments[0]))
    if code is None:
        raise ValueError(f"an array of the unknown type {str(dtype.arguments[0])[:50]!r}")
    if code[1] == "O":
        return None
    return int(code[2]) * _NAME_WIDTHS.get(code[1], 1)
