"""What the classes of all nouns share: the way to the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Type, TypeVar

from amlet.wire.codec import Raw
from amlet.wire.routes import Route

if TYPE_CHECKING:
    from amlet.client.pool import Data
    from amlet.client.transport import Transport

A = TypeVar("A")


class Noun:
    """The routes of one noun. Each method blocks, may be called from any thread, and raises as `Transport.call`."""

    def __init__(self, transport: Transport, patience_s: Optional[float] = None) -> None:
        self._transport = transport
        self._patience_s = patience_s

    def _call(
        self,
        kind: Type[A],
        route: Route,
        *parameters: object,
        body: Any = None,
        query: Any = None,
        data: Optional[Data] = None,
        size_bytes: Optional[int] = None,
        patience_s: Optional[float] = None,
    ) -> A:
        """Call a route whose answer is of this kind (`Body` for bytes)."""
        assert route.answer in (kind, Raw), route.name
        answer: A = self._transport.call(
            route,
            *parameters,
            body=body,
            query=query,
            data=data,
            size_bytes=size_bytes,
            patience_s=self._patience_s if patience_s is None else patience_s,
        )
        return answer
