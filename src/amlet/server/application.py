"""The ASGI application: the table of routes, dispatched; errors as answers; the pages beside it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute

from amlet.base.errors import AmletError, InvalidInput, NotFound, TooLarge, VersionMismatch
from amlet.base.version import __version__
from amlet.server import openapi
from amlet.server.context import Call, Handler, Parts, chunks_within
from amlet.server.handlers import HANDLERS
from amlet.server.security import authorise, check_site
from amlet.server.studio.pages import studio_routes
from amlet.wire import codec
from amlet.wire.errors import to_answer
from amlet.wire.routes import NODE, ROUTES, Route
from amlet.wire.server import PROTOCOL, PROTOCOL_HEADER

BODY_LIMIT_BYTES = 64 << 20
"""For JSON bodies: a snapshot of 400,000 files fits."""

DECODED_AT_ONCE_BYTES = 256 << 10
"""Larger bodies are decoded in a thread: other calls go on meanwhile."""

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
    application = Starlette(
        routes=[*routes, *studio_routes(parts)], lifespan=lifespan, exception_handlers={HTTPException: _no_route}
    )
    # An address is right or wrong: the router's redirect would name whatever host the request did.
    application.router.redirect_slashes = False
    return application


def answer_error(error: AmletError) -> Response:
    """An error as the wire has it."""
    status, body = to_answer(error)
    # What is left of a body over its cap is not read: the connection ends with the answer.
    headers = {"Connection": "close"} if isinstance(error, TooLarge) else None
    return Response(codec.to_json(body), status, headers, media_type="application/json")


def _endpoint(route: Route, handler: Handler, parts: Parts) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            principal = await authorise(route, request, parts)
            _check_protocol(request)
            if principal.kind != NODE:
                parts.lifetime.note_use()
            body = await _body(route, request, parts)
            query = codec.decode_query(route.query, dict(request.query_params)) if route.query is not None else None
            path = {name: str(value) for name, value in request.path_params.items()}
            answer = await handler(Call(parts, principal, path, body, query, request))
        except AmletError as error:
            return answer_error(error)
        except ClientDisconnect:
            return answer_error(InvalidInput("The body broke off before its end."))
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


async def _body(route: Route, request: Request, parts: Parts) -> object:
    if route.body is None or route.body is codec.Raw:
        return None
    taken = bytearray()
    async for chunk in chunks_within(request, BODY_LIMIT_BYTES, hint="leave files out by .amlignore."):
        taken += chunk
    if len(taken) <= DECODED_AT_ONCE_BYTES:
        return codec.from_json(route.body, bytes(taken), strict=True)
    return await parts.threaded(lambda: codec.from_json(route.body, bytes(taken), strict=True))


def _check_protocol(request: Request) -> None:
    spoken = request.headers.get(PROTOCOL_HEADER)
    if spoken is not None and spoken != str(PROTOCOL):
        raise VersionMismatch(
            f"This server is amlet {__version__} and speaks protocol {PROTOCOL}; the client speaks {spoken[:20]}.",
            hint="use the same version on both sides; `amlet server stop` ends a server left from before an upgrade.",
        )


def _document(parts: Parts) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            check_site(request, parts.url)
        except AmletError as error:
            return answer_error(error)
        return Response(codec.to_json(openapi.document(parts.url)), media_type="application/json")

    return endpoint


async def _no_route(request: Request, error: Exception) -> Response:
    """No route has this address, or none with this method. A client of another version hears that it is one."""
    assert isinstance(error, HTTPException)
    try:
        _check_protocol(request)
    except VersionMismatch as mismatch:
        return answer_error(mismatch)
    asked = f"{request.method} {request.url.path[:200]}"
    told = NotFound(f"This server has nothing at {asked}.", hint="/openapi.json lists what it has.")
    headers = {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The router knows one route that has the path; the others may have other methods.
        found = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
        headers["Allow"] = ", ".join(sorted({method for route in found for method in route.methods}))
    return Response(codec.to_json(to_answer(told)[1]), error.status_code, headers, media_type="application/json")
