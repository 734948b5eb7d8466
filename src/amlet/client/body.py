"""The bytes of an answer, read as they come."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Callable, Iterator, Optional, Type

from amlet.base.errors import Unavailable
from amlet.base.hashing import CHUNK_BYTES

if TYPE_CHECKING:
    from http.client import HTTPResponse

TOTAL_BYTES_HEADER = "Amlet-Total-Bytes"
"""The size of the whole file, in an answer that begins at an offset."""

VERSION_HEADER = "Amlet-Version"
"""The version of the file's content, of a file that may change."""

RECEIVE_BYTES = 256 << 10
"""How much is asked of a connection at a time."""


class Broken(Unavailable):
    """A connection was refused or broke.

    Attributes:
        refused: Nobody listens at the address.
        timed_out: Somebody is there, but silent.
    """

    def __init__(self, message: str, *, refused: bool = False, timed_out: bool = False) -> None:
        super().__init__(message)
        self.refused = refused
        self.timed_out = timed_out

    @classmethod
    def by(cls, error: Exception, doing: str) -> Broken:
        """What a library's error means: `doing` says what was tried."""
        timed_out = isinstance(error, TimeoutError) or type(error).__name__ == "timeout"  # socket.timeout before 3.10
        reason = "no answer came in time" if timed_out else (str(error) or type(error).__name__)
        return cls(f"{doing}: {reason}.", refused=isinstance(error, ConnectionRefusedError), timed_out=timed_out)


class Body:
    """A streamed answer. It holds a connection until it was read to its end or closed; use it in a `with`.

    One thread at a time. A body that is left half read closes its connection.

    Attributes:
        total_bytes: The size of the whole file that this is a part of, when the server told it.
        version: That of the file's content, when the server told it; else empty.
    """

    def __init__(self, response: HTTPResponse, url: str, release: Callable[[bool], None]) -> None:
        """`release` takes the connection back: with True when it can serve again, with False to close it."""
        total = response.getheader(TOTAL_BYTES_HEADER)
        self.version = response.getheader(VERSION_HEADER) or ""
        self.total_bytes: Optional[int] = int(total) if total and total.isdigit() else None
        self._response = response
        self._url = url
        self._release: Optional[Callable[[bool], None]] = release
        # `length` counts down to the end; it is None for a chunked answer, whose end http.client checks.
        self._left: Optional[int] = response.length

    def chunks(self, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The rest of the bytes, in pieces of at most `chunk_bytes`.

        Raises:
            Unavailable: when the connection breaks before the end.
        """
        while True:
            chunk = self._next(chunk_bytes)
            if not chunk:
                return
            yield chunk

    def read(self) -> bytes:
        """All that is left, at once; raises as `chunks` does."""
        return b"".join(self.chunks())

    def close(self) -> None:
        """Let go of the connection; closes it when bytes are left. May be called again."""
        self._end(reusable=False)

    def _next(self, chunk_bytes: int) -> bytes:
        from http.client import HTTPException

        if self._release is None:
            return b""
        if self._left == 0:
            self._end(reusable=True)
            return b""
        try:
            # What one receive brings: what a longer read had gathered before the connection breaks would be lost.
            chunk = self._response.read1(min(chunk_bytes, RECEIVE_BYTES, self._left or RECEIVE_BYTES))
        except (OSError, HTTPException) as error:
            self.close()
            raise Broken.by(error, f"The connection to {self._url} broke in mid-answer") from error
        except BaseException:
            self.close()
            raise
        if self._left is not None:
            self._left -= len(chunk)
        if not chunk:
            # http.client takes an early end for an end; a cut file must not pass for a whole one.
            cut = bool(self._left)
            self._end(reusable=not cut)
            if cut:
                raise Broken(f"The connection to {self._url} ended {self._left} bytes before the end of the answer.")
        return chunk

    def _end(self, *, reusable: bool) -> None:
        release, self._release = self._release, None
        if release is not None:
            will_close = self._response.will_close
            self._response.close()  # before another exchange may take the connection
            release(reusable and not will_close)

    def __enter__(self) -> Body:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
