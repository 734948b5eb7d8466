"""The ASGI application: the table of routes, dispatched; errors as answers; the pages beside it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from amlet.base.errors import AmletError, TooLarge, VersionMismatch
from amlet.base.units import human_bytes
from amlet.base.version import __version__
from amlet.server import openapi
from amlet.server.context import Call, Handler, Parts
from amlet.server.handlers import HANDLERS
from amlet.server.security import authorise
from amlet.server.studio.pages import studio_routes
from amlet.wire import codec
from amlet.wire.errors import to_answer
from amlet.wire.routes import NODE, ROUTES, Route
from amlet.wire.server import PROTOCOL, PROTOCOL_HEADER

BODY_LIMIT_BYTES = 64 << 20
"""For JSON bodies: a snapshot of 400,000 files fits."""

log = logging.getLogger("amlet.server")


def make_application(
    parts: Parts, lifespan: Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]
) -> Starlette:
    """The application of these parts."""
    routes = [
        StarletteRoute(route.path, _endpoint(route, HANDLERS[route.name], parts), methods=[route.method])
        for route in ROUTES
    ]
    routes.append(StarletteRoute("/openapi.json", _document(parts), methods=["GET"]))
    return Starlette(routes=[*routes, *studio_routes(parts)], lifespan=lifespan)


def answer_error(error: AmletError) -> Response:
    """An error as the wire has it."""
    status, body = to_answer(error)
    return Response(codec.to_json(body), status, media_type="application/json")


def _endpoint(route: Route, handler: Handler, parts: Parts) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            principal = await authorise(route, request, parts)
            _check_protocol(request)
            if principal.kind != NODE:
                parts.lifetime.note_use()
            body = await _body(route, request)
            query = codec.decode_query(route.query, dict(request.query_params)) if route.query is not None else None
            path = {name: str(value) for name, value in request.path_params.items()}
            answer = await handler(Call(parts, principal, path, body, query, request))
        except AmletError as error:
            return answer_error(error)
        except Exception:
            log.exception("%s failed", route.name)
            return answer_error(
                AmletError(
                    f"{route.name} failed by a fault of amlet's own.", hint="the server's log has the traceback."
                )
            )
        if isinstance(answer, Response):
            return answer
        return Response(codec.to_json(answer), media_type="application/json")

    return endpoint


async def _body(route: Route, request: Request) -> object:
    if route.body is None or route.body is codec.Raw:
        return None
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > BODY_LIMIT_BYTES:
            raise TooLarge(f"The body is over {human_bytes(BODY_LIMIT_BYTES)}.", hint="leave files out by .amlignore.")
    return codec.from_json(route.body, bytes(taken), strict=True)


def _check_protocol(request: Request) -> None:
    spoken = request.headers.get(PROTOCOL_HEADER)
    if spoken is not None and spoken != str(PROTOCOL):
        raise VersionMismatch(
            f"This server is amlet {__version__} and speaks protocol {PROTOCOL}; the client speaks {spoken[:20]}.",
            hint="use the same version on both sides; `amlet server stop` ends a server left from before an upgrade.",
        )


def _document(parts: Parts) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_request: Request) -> Response:
        return Response(codec.to_json(openapi.document(parts.url)), media_type="application/json")

    return endpoint
