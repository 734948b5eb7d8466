"""What entry scripts import to see requests as they are; it lives with what calls them."""

from __future__ import annotations

from amlet.runtime.scoring.raw_http import AMLRequest, AMLResponse, rawhttp

__all__ = ["AMLRequest", "AMLResponse", "rawhttp"]
