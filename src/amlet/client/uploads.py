"""Sending blobs: only those the server lacks, small ones in packs, large ones streamed."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path
from typing import BinaryIO, Callable, Dict, Iterable, Iterator, List, Optional, Protocol, Set, Tuple, TypeVar, Union

from amlet.base.errors import AmletError, Conflict, InvalidInput, Unavailable
from amlet.base.hashing import CHUNK_BYTES, sha256_stream
from amlet.client.connection import Client
from amlet.client.patience import Patience
from amlet.domain.artifact import PACK_LIMIT_BYTES, Entry
from amlet.wire.files import BegunQuery, BlobQuery, Hashes
from amlet.wire.packs import MEMBERS_LIMIT, pack_size, write_pack

PACK_BYTES = 16 << 20
"""About how much of small blobs goes into one pack."""

PARALLEL = 4
"""How many bodies are under way at a time."""

ROUNDS = 5
"""How often a call may ask for blobs before that is a fault: a server may forget unused ones between two calls."""

ASK_AT_A_TIME = 50_000
"""Hashes in one question, which stays below the cap on bodies."""

ASKED_AFTER_BYTES = 8 << 20
"""Of blobs so large it is asked first whether an earlier try has sent a part: that costs nothing beside them."""

NOTICED_S = 5.0
"""How long the server may take to notice that our connection broke, and to know what came over it."""

Source = Tuple[Union[str, Path], int]
"""A file that holds a blob, and the blob's size in bytes."""

Sources = Dict[str, Source]
"""Where each blob lies on this machine, by its SHA-256."""

Progress = Callable[[int, int], None]
"""(bytes sent, bytes in all); called by one thread at a time, perhaps not the caller's."""


class AsksForBlobs(Protocol):
    """An answer that names the blobs to send before the call is made again."""

    @property
    def missing(self) -> List[str]: ...


A = TypeVar("A", bound=AsksForBlobs)


def sources_of(folder: Path, entries: Iterable[Entry]) -> Sources:
    """Where the blobs of a folder's entries lie."""
    root = str(folder)
    return {entry.sha256: (f"{root}/{entry.path}", entry.size_bytes) for entry in entries}


def submit_with_blobs(
    call: Callable[[], A], client: Client, workspace_id: str, sources: Sources, progress: Optional[Progress] = None
) -> A:
    """Make a call, send the blobs it asks for, and make it again, until it asks for none.

    Args:
        call: Sends the same request each time.

    Returns:
        The answer that asks for nothing.

    Raises:
        InvalidInput: a file was changed after it was hashed.
        Unavailable: the server cannot be reached, or forgets what it was sent.
    """
    for _ in range(ROUNDS):
        answer = call()
        if not answer.missing:
            return answer
        send_missing(client, workspace_id, answer.missing, sources, progress)
    raise Unavailable(
        f"The server at {client.url} asked {ROUNDS} times for blobs that it was sent.",
        hint="`amlet doctor` looks for what is wrong with its storage.",
    )


def send_missing(
    client: Client, workspace_id: str, missing: List[str], sources: Sources, progress: Optional[Progress] = None
) -> None:
    """Send blobs in bounded memory, at most `PARALLEL` bodies at a time; returns when the server holds them all.

    When the connection breaks, the server is asked what it still lacks, with the client's patience, and the rest is
    sent: of a large blob what comes after that which the server has. A byte counts once in the progress however often
    it is sent.

    Args:
        sources: Where each of `missing` lies; may hold more.

    Raises:
        InvalidInput: a file was changed after it was hashed.
        Unavailable: nothing more arrived at the server while the client's patience lasted.
    """
    unknown = [sha256 for sha256 in missing if sha256 not in sources]
    if unknown:
        raise AmletError(f"The server asks for blob {unknown[0]}, which is not part of what is sent.")
    wanted = list(dict.fromkeys(missing))
    total = sum(sources[sha256][1] for sha256 in wanted)
    patience = Patience(client.patience_s)
    begun = _begun(client, workspace_id, [sha256 for sha256 in wanted if sources[sha256][1] >= ASKED_AFTER_BYTES])
    while wanted:
        there = total - sum(sources[sha256][1] for sha256 in wanted) + sum(begun.values())
        sending = _Sending(client, workspace_id, sources, begun, progress, there, total)
        try:
            sending.send(wanted)
            return
        except Unavailable:
            wanted = _still_missing(client, workspace_id, wanted)
            begun = _begun(client, workspace_id, sending.tried.intersection(wanted), wait_s=NOTICED_S)
            if total - sum(sources[sha256][1] for sha256 in wanted) + sum(begun.values()) > there:
                patience = Patience(client.patience_s)
                continue
            pause_s = patience.pause_s()
            if pause_s is None:
                raise
            time.sleep(pause_s)


def _begun(client: Client, workspace_id: str, hashes: Iterable[str], *, wait_s: float = 0.0) -> Dict[str, int]:
    """How much of each blob the server has, of those that it has anything of."""
    found = {}
    for sha256 in hashes:
        size = client.blobs.begun(workspace_id, sha256, BegunQuery(wait_s)).size_bytes
        if size:
            found[sha256] = size
    return found


def _still_missing(client: Client, workspace_id: str, hashes: List[str]) -> List[str]:
    left: List[str] = []
    for start in range(0, len(hashes), ASK_AT_A_TIME):
        left += client.blobs.missing(workspace_id, Hashes(hashes[start : start + ASK_AT_A_TIME])).sha256
    return left


class _Sending:
    """One go at sending blobs, with several threads. The first error ends them all."""

    def __init__(
        self,
        client: Client,
        workspace_id: str,
        sources: Sources,
        begun: Dict[str, int],
        progress: Optional[Progress],
        sent: int,
        total: int,
    ) -> None:
        """
        Args:
            begun: How much of some blobs the server has.
            sent: How much it has of all, out of `total`.
        """
        self.tried: Set[str] = set()
        """The large blobs of which something may have arrived."""
        # A break is answered by asking what is missing, not by sending the same body blindly again.
        self._client = client.patient(0)
        self._workspace_id = workspace_id
        self._sources = sources
        self._begun = begun
        self._progress = progress
        self._sent = sent
        self._total = total
        self._lock = threading.Lock()
        self._error: Optional[BaseException] = None

    def send(self, hashes: List[str]) -> None:
        small = [sha256 for sha256 in hashes if self._sources[sha256][1] < PACK_LIMIT_BYTES]
        large = [sha256 for sha256 in hashes if self._sources[sha256][1] >= PACK_LIMIT_BYTES]
        # The largest first, so that no single one is left for the end.
        large.sort(key=lambda sha256: -self._sources[sha256][1])
        loads = [[sha256] for sha256 in large] + list(_packs(small, self._sources))
        waiting = iter(loads)
        threads = [
            threading.Thread(target=self._work, args=(waiting,), name="amlet-upload", daemon=True)
            for _ in range(min(PARALLEL, len(loads)) - 1)
        ]
        try:
            for thread in threads:
                thread.start()
            self._work(waiting)
            for thread in threads:
                thread.join()
        except BaseException as error:  # Ctrl-C: the threads stop at their next chunk
            self._error = self._error or error
            raise
        if self._error is not None:
            raise self._error

    def _work(self, waiting: Iterator[List[str]]) -> None:
        try:
            while self._error is None:
                with self._lock:
                    load = next(waiting, None)
                if load is None:
                    return
                if self._sources[load[0]][1] < PACK_LIMIT_BYTES:
                    self._send_pack(load)
                else:
                    self._send_large(load[0])
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001 - raised again by send(), in the caller's thread
            with self._lock:
                self._error = self._error or error

    def _send_pack(self, hashes: List[str]) -> None:
        members = [(sha256, self._sources[sha256][1], _opener(self._sources[sha256][0])) for sha256 in hashes]
        size = pack_size(self._sources[sha256][1] for sha256 in hashes)
        self._client.blobs.put_pack(self._workspace_id, lambda: self._until_stopped(write_pack(members)), size)
        self._count(sum(self._sources[sha256][1] for sha256 in hashes))

    def _send_large(self, sha256: str) -> None:
        path, size = self._sources[sha256]
        offset = min(self._begun.get(sha256, 0), size)
        counted = 0

        def stream() -> Iterator[bytes]:
            nonlocal counted
            self._count(-counted)
            counted = 0
            for chunk in self._until_stopped(_read(path, offset, size)):
                yield chunk
                counted += len(chunk)
                self._count(len(chunk))

        self.tried.add(sha256)
        try:
            self._client.blobs.put(self._workspace_id, sha256, stream, size - offset, BlobQuery(offset))
        except InvalidInput as error:
            # The server hashes what it gets, so a sender need not hash every file a second time, but to explain.
            if _was_changed(path, sha256):
                raise _changed(path) from error
            if offset:  # the beginning was not ours: a liar's, or a disk's; the server has dropped it
                raise Unavailable(error.message) from error
            raise
        except Conflict as error:  # somebody else goes on with the same blob
            raise Unavailable(error.message) from error

    def _until_stopped(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self._error is not None:
                raise _Stopped
            yield chunk

    def _count(self, bytes_more: int) -> None:
        if bytes_more and self._progress is not None:
            with self._lock:
                self._sent += bytes_more
                self._progress(self._sent, self._total)


class _Stopped(Exception):
    """Another thread failed; this one ends."""


def _packs(hashes: List[str], sources: Sources) -> Iterator[List[str]]:
    pack: List[str] = []
    pack_bytes = 0
    for sha256 in hashes:
        size = sources[sha256][1]
        if pack and (pack_bytes + size > PACK_BYTES or len(pack) == MEMBERS_LIMIT):
            yield pack
            pack, pack_bytes = [], 0
        pack.append(sha256)
        pack_bytes += size
    if pack:
        yield pack


def _opener(path: Union[str, Path]) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        try:
            return io.FileIO(path)  # read in whole: a buffer, and a Path, would cost more than a small file's bytes
        except OSError as error:
            raise _changed(path) from error

    return opened


def _read(path: Union[str, Path], offset: int, end: int) -> Iterator[bytes]:
    """A file's bytes from one place to another: one that only grew since is still what was hashed."""
    left = end - offset
    with _opener(path)() as stream:
        stream.seek(offset)
        while left:
            chunk = stream.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise _changed(path)
            left -= len(chunk)
            yield chunk


def _was_changed(path: Union[str, Path], sha256: str) -> bool:
    try:
        with Path(path).open("rb") as stream:
            return sha256_stream(stream)[0] != sha256
    except OSError:
        return True


def _changed(path: Union[str, Path]) -> InvalidInput:
    return InvalidInput(
        f"{path} was changed while it was sent.", hint="submit again when nothing writes to the folder."
    )
