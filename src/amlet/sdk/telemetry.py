"""Diagnostics: amlet collects none, so the switches have nothing to turn (v1-behaviours 17.4)."""

from __future__ import annotations

import logging
from typing import Any, Dict, Optional, Tuple


def set_diagnostics_collection(
    send_diagnostics: bool = True, verbosity: int = logging.INFO, reason: str = "", path: Optional[str] = None
) -> None:
    """Accepted as in v1. Nothing is ever sent, whatever the arguments."""


def get_diagnostics_collection_info(
    component_name: Optional[str] = None, path: Optional[str] = None, proceed_in_hbi_mode: bool = False
) -> Tuple[bool, Optional[int]]:
    """Whether diagnostics are sent, and from which level on: they are not."""
    return False, None


def is_diagnostics_collection_info_available() -> bool:
    """Whether somebody chose to send diagnostics: nobody can."""
    return False


def add_diagnostics_properties(properties: Dict[str, Any]) -> None:
    """Accepted as in v1. There is nothing they could be sent with."""


def set_diagnostics_properties(properties: Dict[str, Any]) -> None:
    """Accepted as in v1. There is nothing they could be sent with."""


def get_telemetry_log_handler(
    instrumentation_key: Optional[str] = None,
    component_name: Optional[str] = None,
    path: Optional[str] = None,
    proceed_in_hbi_mode: bool = False,
) -> logging.Handler:
    """A handler that drops what it gets."""
    return logging.NullHandler()
