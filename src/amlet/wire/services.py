"""Requests and answers about services."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from amlet.domain.model import Resources
from amlet.domain.service import Service


class DeployService(NamedTuple):
    """Serve one model without code."""

    name: str
    model_ids: List[str]
    overwrite: bool = False
    port: Optional[int] = None
    resources: Optional[Resources] = None
    description: Optional[str] = None
    tags: Dict[str, Optional[str]] = {}
    properties: Dict[str, str] = {}
    request_id: str = ""
    """Chosen by the client: the same request sent twice makes one revision."""
    target: Optional[str] = None
    """A serving target of the workspace; None: this machine."""


class Services(NamedTuple):
    services: List[Service]


class TailQuery(NamedTuple):
    lines: int = 5000
