"""Diagnostics: amlet collects none, so the switch has nothing to turn."""

from __future__ import annotations

import logging
from typing import Optional


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: int = logging.INFO, reason: str = "", path: Optional[str] = None
) -> None:
    """Accepted as in v1. Nothing is ever sent, whatever the arguments (v1-behaviours 17.4)."""
