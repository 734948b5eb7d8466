"""Answers about the server itself, and the protocol's version."""

from __future__ import annotations

from typing import NamedTuple

PROTOCOL = 1
"""Grows with every change that an older client or server would misread."""

PROTOCOL_HEADER = "Amlet-Protocol"


class Health(NamedTuple):
    status: str
    version: str
    protocol: int


class ServerStatus(NamedTuple):
    version: str
    protocol: int
    pid: int
    started: str
    runs_active: int
    services: int
    nodes: int


class StopServer(NamedTuple):
    cancel_runs: bool = False


class Ticket(NamedTuple):
    """A single-use code that a browser swaps for a cookie; never a token."""

    ticket: str
    valid_s: int


class Done(NamedTuple):
    """An answer that says no more than that it was done."""

    done: bool = True
