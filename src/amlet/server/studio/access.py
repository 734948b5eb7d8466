"""Signing a browser in and out: a ticket or the token becomes a cookie; pages are for its bearer alone."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from amlet.base.errors import Forbidden, TooLarge, Unauthorized
from amlet.server.context import Parts
from amlet.server.security import cookie_name, identify
from amlet.server.studio.answers import html, redirect
from amlet.server.studio.local_paths import local_path
from amlet.server.studio.rendering import render
from amlet.server.tokens import BROWSER_S
from amlet.wire import pages
from amlet.wire.routes import OWNER

FORM_LIMIT_BYTES = 16 << 10
WRONG_TOKEN_S = 0.5
"""How long the answer to a wrong token takes."""

SPENT = "This link was used before, or is older than ten minutes. Run `amlet studio` again, or give the token below."
WRONG = "This is not the token of this server. `amlet server status --show-token` shows it."


def check_access(request: Request, parts: Parts) -> Response | None:
    """None when the caller may see pages; else the answer that lets a browser sign in.

    Raises:
        Unauthorized: for a bearer token that is not ours.
        Forbidden: for a good token that is not the owner's.
    """
    principal = identify(request, parts)
    if principal is None:
        here = local_path(_address(request))
        # A Strict cookie does not come along from another site's link; it does when our own page goes on from here.
        if request.headers.get("sec-fetch-site") == "cross-site":
            return _go_on(here)
        return redirect(pages.sign_in_page(then=here))
    if principal.kind != OWNER:
        raise Forbidden(f"The token of a {principal.kind} does not open pages.")
    return None


async def show_sign_in(request: Request, parts: Parts) -> Response:
    """`GET /signin`: redeem a ticket, or ask for the token."""
    then = local_path(request.query_params.get("next"))
    ticket = request.query_params.get("ticket")
    # A HEAD is a link preview's or a scanner's: it must not spend the ticket.
    if ticket and request.method == "GET" and parts.tokens.redeem(ticket):
        return _signed_in(_go_on(then), parts)
    if _known(request, parts):
        return redirect(then)
    return _form(then, SPENT if ticket else "", 401 if ticket else 200)


async def take_sign_in(request: Request, parts: Parts) -> Response:
    """`POST /signin`: the token, from our own form."""
    _need_origin(request)
    form = await _read_form(request)
    then = local_path(form.get("next"))
    principal = parts.tokens.principal(form.get("token", "").strip())
    if principal is None or principal.kind != OWNER:
        await asyncio.sleep(WRONG_TOKEN_S)
        return _form(then, WRONG, 401)
    return _signed_in(redirect(then), parts)


async def sign_out(request: Request, parts: Parts) -> Response:
    """`POST /signout`: forget the cookie."""
    _need_origin(request)
    answer = redirect(pages.SIGN_IN)
    answer.delete_cookie(cookie_name(parts.url), path="/", httponly=True, samesite="strict", secure=_is_https(parts))
    return answer


def _signed_in(answer: Response, parts: Parts) -> Response:
    answer.set_cookie(
        cookie_name(parts.url),
        parts.tokens.for_browser(),
        max_age=BROWSER_S,
        path="/",
        httponly=True,
        samesite="strict",
        secure=_is_https(parts),
    )
    return answer


def _go_on(then: str) -> Response:
    """A page that goes on by itself: what follows comes from this site, so a Strict cookie goes along."""
    return html(render("go_on.html", then=then))


def _form(then: str, fault: str, status: int) -> Response:
    return html(render("sign_in.html", then=then, fault=fault), status, form=True)


def _known(request: Request, parts: Parts) -> bool:
    try:
        principal = identify(request, parts)
    except Unauthorized:
        return False
    return principal is not None and principal.kind == OWNER


def _need_origin(request: Request) -> None:
    # check_site has refused those of other sites; a browser sends one with every POST.
    if "origin" not in request.headers:
        raise Forbidden("A form needs the Origin header that browsers send.")


async def _read_form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT_BYTES:
            raise TooLarge("The form is over its limit.")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    return {name: values[0] for name, values in fields.items()}


def _address(request: Request) -> str:
    path = request.scope.get("raw_path", b"").decode("ascii", "replace").partition("?")[0] or request.url.path
    return f"{path}?{request.url.query}" if request.url.query else path


def _is_https(parts: Parts) -> bool:
    return parts.url.startswith("https:")
