"""The logs of a run as they grow: each attempt's whole, once, in order."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Optional, Pattern, Sequence, Set, Tuple

from amlet.base.errors import NotFound, Unavailable
from amlet.domain.run import attempt_of
from amlet.wire.files import FileQuery

if TYPE_CHECKING:
    from amlet.sdk.connection import Connection
    from amlet.wire.files import RunFile

TRIES = 5
"""How often an answer may break before that is an error."""


class LogPiece(NamedTuple):
    """A piece of a log's text."""

    name: str
    """The log's name while its attempt was the last one: `user_logs/std_log.txt`."""
    text: str
    begins: bool = False
    """A log begins here, or goes on after another; there is no text yet."""


class RunLogs:
    """What is new in a run's logs at each look, in bounded memory.

    One log is read at a time: the last of those wanted, by name. The log of an attempt that was followed by another
    bears another name then (`user_logs/attempt_1/std_log.txt`): what it has more than was read of it comes first, all
    of it when the attempt was over before it was seen.
    """

    def __init__(
        self,
        held: Connection,
        run_id: str,
        wanted: Pattern[str],
        *,
        with_past: bool = True,
        begun: Optional[Tuple[str, int]] = None,
    ) -> None:
        """
        Args:
            wanted: Matches the names of the logs to read.
            with_past: Also read the logs of attempts that were over before the first look.
            begun: The log to go on with, and how many bytes of it are known.
        """
        self._held = held
        self._run_id = run_id
        self._wanted = wanted
        self._past: Optional[Set[str]] = set() if with_past else None
        self._name = begun[0] if begun else None
        self._latest = self._name or ""
        """The last by name of the logs that were read."""
        self._offsets: Dict[str, int] = dict([begun] if begun else [])
        """How much of each log of the last attempt was read, by its name."""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")

    def news(self, files: Sequence[RunFile]) -> Iterator[LogPiece]:
        """What the logs have more than at the last look, by what the server says of their sizes.

        Raises:
            Unavailable: the server's answer broke again and again.
        """
        yield from self._ended_attempts(files)
        sizes = {file.path: file.size_bytes for file in files if self._wanted.match(file.path)}
        last = max(sizes, default="")
        if not last or last < self._latest:
            return  # a log that was read before another: that one's next attempt is waited for
        if self._name is not None and last != self._name:
            yield from self._read(self._name, sizes.get(self._name, 0))  # what the log before has had to say since
        if sizes[last] < self._offsets.get(last, 0):  # a log that became shorter is that of another attempt
            self._offsets[last] = 0
            self._name = None
        if last != self._name:
            yield from self._begin(last)
        yield from self._read(last, sizes[last])

    def rest(self) -> str:
        """What is left of a character that was cut."""
        return self._decode.decode(b"", True)

    def _ended_attempts(self, files: Sequence[RunFile]) -> Iterator[LogPiece]:
        found: List[Tuple[int, str, str, int]] = []
        for file in files:
            attempt = attempt_of(file.path)
            if attempt is not None and self._wanted.match(attempt[1]):
                found.append((*attempt, file.path, file.size_bytes))
        if self._past is None:
            self._past = {path for _, _, path, _ in found}
        for _, name, path, size_bytes in sorted(found):
            if path in self._past:
                continue
            self._past.add(path)
            if size_bytes > self._offsets.get(name, 0):
                if name != self._name:
                    yield from self._begin(name)
                yield from self._read(name, size_bytes, path)
            self._offsets.pop(name, None)
            self._name = None  # the next one begins anew

    def _begin(self, name: str) -> Iterator[LogPiece]:
        left = self.rest()
        if left:
            yield LogPiece(self._name or name, left)
        self._name, self._latest = name, max(self._latest, name)
        yield LogPiece(name, "", True)

    def _read(self, name: str, size_bytes: int, path: Optional[str] = None) -> Iterator[LogPiece]:
        """Read what the log holds up to this size, and perhaps more. A broken answer is asked for again."""
        tries_left = TRIES
        while self._offsets.get(name, 0) < size_bytes:
            before = self._offsets.get(name, 0)
            try:
                query = FileQuery(path or name, before)
                with self._held.client.runs.file(self._held.workspace_id, self._run_id, query) as body:
                    for chunk in body.chunks():
                        self._offsets[name] = self._offsets.get(name, 0) + len(chunk)
                        text = self._decode.decode(chunk)
                        if text:
                            yield LogPiece(name, text)
            except NotFound:
                return  # its attempt has ended just now: the next look knows its other name
            except Unavailable:
                tries_left -= 1
                if not tries_left:
                    raise
            else:
                if self._offsets.get(name, 0) == before:
                    return  # the log of an attempt that was given up is gone
