"""One call over HTTP: encode, send, try again while there is patience, decode."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from amlet.base.clock import Clock, SystemClock
from amlet.base.errors import AmletError, InvalidInput, NotFound, StorageFailed, Unauthorized, Unavailable
from amlet.base.units import human_seconds
from amlet.base.version import __version__
from amlet.client.address import Address
from amlet.client.body import Broken
from amlet.client.patience import Patience
from amlet.wire import codec, errors
from amlet.wire.routes import Route
from amlet.wire.server import PROTOCOL, PROTOCOL_HEADER

if TYPE_CHECKING:
    from amlet.client.pool import Answer, Data, Pool, Request

PATIENCE_S = 30.0
"""A server that was killed is back within this time."""

ANSWER_S = 60.0
"""A server that says nothing for so long is taken for gone, beyond the time that a call asks it to wait."""

SOCKET_VARIABLE = "AMLET_SERVER_SOCKET"
"""Names a Unix socket that leads to the server, for what runs on a machine that cannot reach the server itself."""

Refresh = Callable[[], Optional[Tuple[str, str]]]
"""Finds the server again: its url and token, or None when there is nothing newer to know."""


class Transport:
    """Calls routes of one server. Safe from any thread and after a fork; every call blocks.

    A call whose connection is refused or breaks, or that is answered 'busy' (502, 503, 504), is made again until
    its patience is over. That is safe for every route, POSTs too: all of ours are idempotent by contract - what is
    made bears an id chosen by the client (submission_id), an offset (journals, logs), an attempt, or the hash of its
    own content.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience_s: float = PATIENCE_S,
        answer_s: float = ANSWER_S,
        refresh: Optional[Refresh] = None,
        log_path: Optional[str] = None,
        via: str = "",
        clock: Optional[Clock] = None,
        sleep: Callable[[float], None] = time.sleep,
        pool: Optional[Pool] = None,
    ) -> None:
        """
        Args:
            url: `http(s)://host[:port][/prefix]`.
            patience_s: How long to go on after a first failure, for calls that do not say.
            answer_s: How long the server may be silent.
            refresh: Asked when nobody listens at the address or the token is refused: a local server may have
                started again elsewhere.
            log_path: Where the server's log lies, for the hint of an error.
            via: A Unix socket that leads to the server: see SOCKET_VARIABLE.
        """
        self._address = Address.parse(url, token, via)
        self.patience_s = patience_s
        self._answer_s = answer_s
        self._refresh = refresh
        self._log_path = log_path
        self._clock: Clock = clock or SystemClock()
        self._sleep = sleep
        self._made_pool = pool

    @property
    def url(self) -> str:
        """Where the server was last found."""
        return self._address.url

    @property
    def token(self) -> str:
        return self._address.token

    def call(
        self,
        route: Route,
        *parameters: object,
        body: Any = None,
        query: Any = None,
        data: Optional[Data] = None,
        size_bytes: Optional[int] = None,
        patience_s: Optional[float] = None,
    ) -> Any:
        """Call a route.

        Args:
            parameters: Those of its path, in order.
            body: Its record, or
            data: its bytes, or what opens a fresh stream of them, of `size_bytes` if that is known.
            query: The record of its query.
            patience_s: See `Transport`; `math.inf` waits for ever.

        Returns:
            The answer's record; a `Body` for a route that answers bytes; None for one that answers nothing.

        Raises:
            Unavailable: when the patience is over.
            AmletError: what the server says, of the class that it raised.
        """
        request = _request(route, parameters, body, query, data, size_bytes)
        wait_s = float(getattr(body, "wait_s", 0) or getattr(query, "wait_s", 0) or 0)
        patience_s = self.patience_s if patience_s is None else patience_s
        patience = Patience(patience_s, self._clock)
        refreshed = False
        not_started: Optional[AmletError] = None
        while True:
            address = self._address
            try:
                return self._exchange(address, route, request, self._answer_s + wait_s)
            except Unavailable as error:
                told: AmletError = error
            except errors.ForeignAnswer as error:
                # Our own server's port may be another program's for as long as it is away.
                if self._refresh is None:
                    raise
                told = Broken(f"Another program answers there: {error.message}", refused=True)
            except Unauthorized as error:
                if refreshed or not self._look_again(address):
                    raise
                refreshed, told = True, error
            pause_s = patience.pause_s()
            if pause_s is None:
                raise self._gone(address, not_started or told, patience_s) from told
            not_started = None
            if isinstance(told, Broken) and told.refused:
                try:
                    moved = self._look_again(address)
                except (Unavailable, StorageFailed) as error:
                    moved, not_started = False, error  # more to the point than a refused connection, at the end
                if moved:
                    continue
            if self._address == address:
                self._sleep(pause_s)

    def close(self) -> None:
        """Close the idle connections. The transport may be used again."""
        if self._made_pool is not None:
            self._made_pool.close()

    @property
    def _pool(self) -> Pool:
        if self._made_pool is None:
            from amlet.client.pool import Pool  # http.client costs 10 ms: on first use

            self._made_pool = Pool()
        return self._made_pool

    def _exchange(self, address: Address, route: Route, request: Request, timeout_s: float) -> Any:
        answer = self._pool.exchange(address, request, timeout_s)
        if not 200 <= answer.status < 300:
            raise _refusal(address, answer)
        if route.answer is codec.Raw:
            return answer.body
        streamed = getattr(route.answer, "read_from", None)
        try:
            if streamed is not None:
                with answer.body as body:
                    return streamed(body.chunks())
            content = answer.body.read()
            if route.answer is None:
                return None
            return codec.from_json(route.answer, content, strict=False, subject=f"the answer to {route.name}")
        except InvalidInput as error:
            raise errors.ForeignAnswer(
                f"{address.url} does not answer {route.name} as an amlet server does: {error.message}",
                hint="check the address: another program, or a proxy, answers there.",
            ) from error

    def _look_again(self, address: Address) -> bool:
        """Whether the server is now known to be elsewhere, or to want another token."""
        if self._refresh is None:
            return False
        found = self._refresh()
        if found is not None:
            self._address = Address.parse(*found, via=address.via)
        return self._address != address

    def _gone(self, address: Address, told: AmletError, patience_s: float) -> AmletError:
        if not isinstance(told, Broken):
            return told
        log = f"; its log is {self._log_path}" if self._log_path else ""
        after = f" (tried for {human_seconds(patience_s)})" if patience_s >= 1 else ""
        return Unavailable(
            f"The amlet server at {address.url} cannot be reached{after}. {told.message}",
            hint=f"`amlet server status` shows whether it runs{log}.",
        )


def _request(
    route: Route,
    parameters: Tuple[object, ...],
    body: Any,
    query: Any,
    data: Optional[Data],
    size_bytes: Optional[int],
) -> Request:
    from amlet.client.pool import Request

    headers: Dict[str, str] = {PROTOCOL_HEADER: str(PROTOCOL), "User-Agent": "amlet/" + __version__}
    if body is not None:
        data = codec.to_json(body)
        headers["Content-Type"] = "application/json"
    elif data is not None:
        headers["Content-Type"] = "application/octet-stream"
    target = _target(route, parameters)
    if query is not None:
        from urllib.parse import urlencode

        try:
            text = urlencode(codec.encode_query(query))
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{error.object!r} is not valid Unicode and cannot be asked for.") from error
        target += "?" + text if text else ""
    return Request(route.method, target, headers, data if data is not None else b"", size_bytes)


def _target(route: Route, parameters: Tuple[object, ...]) -> str:
    """The path with its parameters filled in, each one whole segment whatever is in it."""
    from urllib.parse import quote

    given = iter(parameters)
    parts = []
    for part in route.path.split("/"):
        if not part.startswith("{"):
            parts.append(part)
            continue
        text = str(next(given))
        # An empty segment, `.` and `..` are resolved by proxies on the way, even when they are escaped.
        if text in ("", ".", ".."):
            raise NotFound(f"Nothing can have the name {text!r} ({part.strip('{}')}).")
        try:
            parts.append(quote(text, safe=""))
        except UnicodeEncodeError as error:
            raise InvalidInput(f"{text!r} is not valid Unicode and cannot be a name.") from error
    assert next(given, None) is None, f"{route.name} takes fewer path parameters"
    return "/".join(parts)


_ERROR_BYTES = 1 << 20


def _refusal(address: Address, answer: Answer) -> AmletError:
    with answer.body as body:
        content = b""
        for chunk in body.chunks():
            content += chunk
            if len(content) > _ERROR_BYTES:
                break
    told = errors.from_answer(answer.status, content)
    if answer.status in (502, 503, 504) and not isinstance(told, Unavailable):
        return Unavailable(f"{address.url} is not ready: a proxy answers {answer.status} for it.")
    return told
