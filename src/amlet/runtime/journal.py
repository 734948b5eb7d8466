"""The journal: the append-only file in which a run's own process keeps what it logs.

One file a process and attempt, one JSON object a line, a header line first. A line is n(ame), k(ind), v(alue), s(tep,
when given) and t(ime, seconds since the epoch). JSON has no NaN and no infinity: a value that holds one is written
under `w` in place of `v`, with the non-finite floats as the texts NaN, Infinity and -Infinity, and every real text
led by an apostrophe.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

from amlet.domain.metric import ARTIFACTS, KINDS, LIST, ROW, SCALAR, TABLE, Point
from amlet.runtime import losses
from amlet.runtime.process import mark_of

SUFFIX = ".jsonl"
FORMAT = 1
_CACHED_NAMES = 10_000

_encode: Callable[[Any], str] = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_write = os.write
_now = time.time


class Journal:
    """Appends points to a file of this process in a folder.

    `append` is one write on an O_APPEND descriptor: what it returned from survives kill -9 of the process. It takes
    no lock and may be called from any thread. Storage trouble never raises: the line is counted in `lost` and in the
    file of `amlet.runtime.losses`, the first one is told on stderr, and the next append tries again. The journal's own
    file is made by the first append; after a fork the child makes its own.
    """

    def __init__(self, folder: Union[str, os.PathLike[str]], run_id: str, attempt: int) -> None:
        self.lost = 0
        """Points that could not be written."""
        self.trouble: Optional[str] = None
        """Why the first of them could not."""
        self.path: Optional[str] = None
        """The file, once it is made."""
        self._folder = os.path.abspath(os.fspath(folder))  # noqa: PTH100 - the script may change its folder
        self._run_id = run_id
        self._attempt = attempt
        self._fd: Optional[int] = None
        self._torn = False
        self._warned = False
        self._uncounted = 0
        self._heads: Dict[str, str] = {}
        _open_journals.append(self)

    def append(self, name: str, kind: str, value: Any, step: Optional[int] = None) -> None:
        """Write one point, see `amlet.domain.metric.Point`.

        Raises:
            TypeError, ValueError: for a value that JSON cannot hold. Never for trouble with storage.
        """
        head = self._heads.get(name) if kind == SCALAR else None
        if head is None:
            head = self._head(name, kind)
        # x - x is 0 for finite floats only.
        body = f'"v":{value!r}' if type(value) is float and value - value == 0.0 else _value_text(value)
        count = "" if step is None else f',"s":{step if type(step) is int else _encode(step)}'
        line = f'{head}{body}{count},"t":{_now():.6f}}}\n'.encode("ascii")
        if self._torn or self._fd is None:
            self._append_slowly(line)
            return
        try:
            if _write(self._fd, line) != len(line):
                self._torn = True
                self._lose(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        except OSError as error:
            if error.errno == errno.EBADF:
                # The script closed every descriptor, as daemons do.
                self._fd = None
                self._append_slowly(line)
            else:
                self._lose(error)

    def close(self) -> None:
        """Close the file. A later append opens a new one."""
        if self in _open_journals:
            _open_journals.remove(self)
        self._count_losses()
        self._forget()

    def _head(self, name: str, kind: str) -> str:
        head = f'{{"n":{_encode(name)},"k":"{kind}",'
        if kind == SCALAR:
            if len(self._heads) >= _CACHED_NAMES:
                self._heads.clear()
            self._heads[name] = head
        return head

    def _append_slowly(self, line: bytes) -> None:
        try:
            if self._fd is None:
                self._fd = self._make_file()
            if self._torn:
                # Ends the torn line, so that it spoils no other.
                line = b"\n" + line
            written = _write(self._fd, line)
            self._torn = written != len(line)
            if self._torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._lose(error)

    def _make_file(self) -> int:
        mark = mark_of()
        header = {
            "journal": FORMAT,
            "run": self._run_id,
            "attempt": self._attempt,
            "pid": mark.pid,
            "boot_id": mark.boot_id,
            "started": mark.started,
        }
        line = (_encode(header) + "\n").encode("ascii")
        os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103
        number = 0
        while True:
            # Containers that share the folder may have equal pids and start times.
            path = os.path.join(self._folder, f"{mark.pid}-{mark.started}-{number}{SUFFIX}")  # noqa: PTH118
            try:
                fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
                break
            except FileExistsError:
                number += 1
        try:
            if _write(fd, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.close(fd)
            os.unlink(path)  # noqa: PTH108
            raise
        self.path, self._torn = path, False
        return fd

    def _lose(self, error: OSError) -> None:
        self.lost += 1
        self._uncounted += 1
        if self._warned:
            self._count_losses()
            return
        self._warned = True
        self.trouble = error.strerror or str(error)
        self._count_losses()
        import atexit

        atexit.register(self._count_losses)  # what another process's counting kept from being counted
        try:
            sys.stderr.write(
                f"amlet: cannot write metrics to {self.path or self._folder}: {error.strerror}. "
                "The run goes on; values logged until this is mended are lost.\n"
            )
        except (OSError, ValueError, AttributeError):
            return  # stderr is closed, or there is none

    def _count_losses(self) -> None:
        """For whoever tells the run's end: this process may be killed."""
        count, self._uncounted = self._uncounted, 0
        if count and not losses.add(self._folder, count, self.trouble or ""):
            self._uncounted += count

    def _forget(self) -> None:
        fd, self._fd, self.path, self._torn = self._fd, None, None, False
        if fd is not None:
            try:
                os.close(fd)
            except OSError:
                return


_open_journals: List[Journal] = []


def _leave_to_parent() -> None:
    for journal in _open_journals:
        journal.lost = journal._uncounted = 0
        journal._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


class ParsedJournal(NamedTuple):
    """What a piece of a journal holds."""

    points: List[Point]
    consumed: int
    """Bytes up to the end of the last whole line: where the next reading goes on."""
    header: Optional[Dict[str, Any]]
    """None when the piece does not start at the file's beginning."""
    bad: int
    """Damaged lines, which were passed over."""


def read_points(data: bytes) -> ParsedJournal:
    """Read the whole lines of a piece of a journal; a last line without its newline is not yet written.

    The piece must begin where a line begins. Nothing that it holds raises.
    """
    consumed = data.rfind(b"\n") + 1
    points: List[Point] = []
    header: Optional[Dict[str, Any]] = None
    bad = 0
    for number, line in enumerate(data[:consumed].split(b"\n")):
        if not line:
            continue
        try:
            fields = _decode(line.decode("ascii"))
            if number == 0 and isinstance(fields, dict) and "journal" in fields:
                header = fields
            else:
                points.append(_point(fields))
        except (ValueError, KeyError, TypeError, RecursionError):
            bad += 1
    return ParsedJournal(points, consumed, header, bad)


def read_file(path: Union[str, os.PathLike[str]]) -> List[Point]:
    """All points of a journal, oldest first."""
    with open(path, "rb") as file:  # noqa: PTH123
        return read_points(file.read()).points


def _value_text(value: Any) -> str:
    try:
        return f'"v":{_encode(value)}'
    except ValueError:
        return f'"w":{_encode(_marked(value))}'


def _marked(value: Any) -> Any:
    if isinstance(value, float):
        if value != value:
            return "NaN"
        return "Infinity" if value == _INFINITY else "-Infinity" if value == -_INFINITY else value
    if isinstance(value, str):
        return "'" + value
    if isinstance(value, (list, tuple)):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    return value


def _unmarked(value: Any) -> Any:
    if isinstance(value, str):
        return value[1:] if value.startswith("'") else _NON_FINITE[value]
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items()}
    return value


_INFINITY = float("inf")
_NON_FINITE = {"NaN": float("nan"), "Infinity": _INFINITY, "-Infinity": -_INFINITY}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_scan: Callable[[str, int], Any] = json.JSONDecoder(parse_constant=_refuse_constant).scan_once  # type: ignore[attr-defined]


def _decode(text: str) -> Any:
    """The value that a text is: `json.loads` without its look for blanks, which a line of a journal has none of."""
    try:
        value, end = _scan(text, 0)
    except StopIteration as error:
        raise ValueError("not JSON") from error
    if end != len(text):
        raise ValueError("not JSON alone")
    return value


def _point(fields: Dict[str, Any]) -> Point:
    value = fields["v"] if "v" in fields else _unmarked(fields["w"])
    name, kind, step, moment = fields["n"], fields["k"], fields.get("s"), fields["t"]
    whole = (
        type(name) is str
        and (step is None or type(step) is int)
        and type(moment) in (float, int)
        # Most points are floats: they are spared a call.
        and ((type(value) is float and kind == SCALAR) or (kind in KINDS and _SHAPES[kind](value)))
    )
    if not whole:
        raise ValueError("not a point")
    return Point(name, kind, value, step, float(moment))


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (list, dict))


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_scalar, value))


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_scalar, value.values()))


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_list(cell) or _is_scalar(cell) for cell in value.values())


def _is_text(value: Any) -> bool:
    return type(value) is str


_SHAPES: Dict[str, Callable[[Any], bool]] = {SCALAR: _is_scalar, LIST: _is_list, ROW: _is_row, TABLE: _is_table}
_SHAPES.update(dict.fromkeys(ARTIFACTS, _is_text))
