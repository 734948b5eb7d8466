"""Addresses in texts that people read and records keep: without the logins that are written into them."""

from __future__ import annotations

import re

_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")
_CONDA_TOKEN = re.compile(r"(://[^/\s]+)/t/[^/\s]+")


def without_login(text: str) -> str:
    """The text with user and password of every address in it taken out, and a conda channel's token (`/t/TOKEN`) too.

    A password may hold an `@`: all up to the last one before the path is the login.
    """
    return _CONDA_TOKEN.sub(r"\1", _LOGIN.sub("", text))
