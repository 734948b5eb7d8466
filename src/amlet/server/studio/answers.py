"""Pages as answers: the headers that every page bears, errors as small pages, redirects."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from amlet.base.errors import AmletError
from amlet.server.studio.assets import Asset
from amlet.server.studio.rendering import render
from amlet.wire.errors import to_answer

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

SECURE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}

FORM_REFERRER = {"Referrer-Policy": "same-origin"}
"""For pages with a form: under no-referrer browsers send `Origin: null` with it, which could not be told from another
site's. Other sites still learn nothing."""


def html(body: bytes, status: int = 200, *, form: bool = False) -> Response:
    """A page. `form` says that it holds one that posts to us."""
    headers = {**SECURE_HEADERS, "Cache-Control": "no-store", **(FORM_REFERRER if form else {})}
    return Response(body, status, headers=headers, media_type="text/html; charset=utf-8")


def error_page(error: AmletError) -> Response:
    """A small page that says what happened and what to do, with the status of the error."""
    status, _ = to_answer(error)
    title = HTTPStatus(status).phrase
    return html(render("error.html", title=title, status=status, message=error.message, hint=error.hint), status)


def redirect(path: str) -> Response:
    """Go on to another path of ours, by GET."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, headers={**SECURE_HEADERS, "Cache-Control": "no-store"})


def asset_answer(asset: Asset) -> Response:
    """An asset: its path changes with its content, so it may be kept."""
    headers = {**SECURE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(asset.data, headers=headers, media_type=asset.media_type)
