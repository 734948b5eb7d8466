"""Who may call: hosts, origins, tokens and cookies; checked before anything else is read."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from amlet.base.errors import Forbidden, NotFound, Unauthorized
from amlet.domain.run import CANCEL_REQUESTED, FINALIZING, QUEUED, RUNNING, Run
from amlet.server.context import Parts
from amlet.server.tokens import Principal
from amlet.store.base import Transaction
from amlet.wire.routes import ANYONE, RUN, Route

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = ("GET", "HEAD")


def cookie_name(url: str) -> str:
    """With the port in it: browsers give a cookie to every port of a host, so two servers would share one."""
    return f"amlet_{urlsplit(url).port or 'browser'}"


def check_site(request: Request, url: str) -> None:
    """Refuse hosts that are not ours (DNS rebinding) and pages of other origins, whatever the method.

    Raises:
        Forbidden: naming the host or origin.
    """
    own = urlsplit(url)
    port = f":{own.port}" if own.port else ""
    hosts = {own.netloc.lower()}
    if own.hostname in ("127.0.0.1", "localhost", "::1"):
        hosts |= {name + port for name in LOOPBACK}
    host = request.headers.get("host", "").lower()
    if host not in hosts:
        raise Forbidden(f"This server does not answer for the host {host[:100]!r}.", hint=f"use {url}.")
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() not in {f"{own.scheme}://{name}" for name in hosts}:
        raise Forbidden(f"Pages of {origin[:100]!r} may not call this server.")


def identify(request: Request, parts: Parts) -> Principal | None:
    """Who bears the request's token or cookie; None when it has neither.

    Raises:
        Unauthorized: for a token that is not ours.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        principal = parts.tokens.principal(token.strip()) if scheme.lower() == "bearer" else None
        if principal is None:
            raise Unauthorized(
                "The token is not one of this server's.", hint="look it up: `amlet server status --show-token`."
            )
        return principal
    cookie = request.cookies.get(cookie_name(parts.url))
    return parts.tokens.browser(cookie) if cookie else None


async def authorise(route: Route, request: Request, parts: Parts) -> Principal:
    """The caller, if the route is open to them.

    Raises:
        Unauthorized: without a good token.
        Forbidden: with a token that may not do this: of another kind, another run, or a run that has ended.
    """
    check_site(request, parts.url)
    if ANYONE in route.access:
        return Principal(ANYONE)
    principal = identify(request, parts)
    if principal is None:
        raise Unauthorized("This needs a token.", hint="send the header `Authorization: Bearer <token>`.")
    if principal.kind not in route.access:
        raise Forbidden(f"A token of a {principal.kind} may not call {route.name}.")
    if principal.by_cookie and request.method not in SAFE_METHODS and "origin" not in request.headers:
        raise Forbidden("A change asked for by a browser needs its Origin header.")
    if principal.kind == RUN:
        await _check_run(principal, request, parts)
    return principal


def check_family(tx: Transaction, principal: Principal, workspace_id: str, run_id: str | None) -> None:
    """A run's token is good for that run and for its children, and theirs.

    Raises:
        Forbidden: for any other run.
    """
    if principal.kind != RUN or (workspace_id == principal.workspace_id and run_id == principal.run_id):
        return
    seen: set[str] = set()
    while run_id is not None and run_id not in seen and workspace_id == principal.workspace_id:
        if run_id == principal.run_id:
            return
        seen.add(run_id)
        run = tx.runs.find(workspace_id, run_id)
        run_id = run.parent_id if run else None
    raise Forbidden(f"The token of run {principal.run_id} is for that run and its children alone.")


async def _check_run(principal: Principal, request: Request, parts: Parts) -> None:
    asked = request.path_params

    def look(tx: Transaction) -> Run:
        check_family(tx, principal, str(asked.get("workspace_id")), asked.get("run_id", principal.run_id))
        return tx.runs.get(principal.workspace_id, principal.run_id)

    try:
        run = await parts.read(look)
    except NotFound as error:
        raise Forbidden(f"Run {principal.run_id} is gone.") from error
    if not run.is_current(principal.attempt) or run.status not in (QUEUED, RUNNING, FINALIZING, CANCEL_REQUESTED):
        raise Forbidden(f"The token of run {principal.run_id} ended with its attempt {principal.attempt}.")
