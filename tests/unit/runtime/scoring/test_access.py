"""Who may ask a replica on another machine than its router's."""

from __future__ import annotations

import hashlib
from pathlib import Path

from amlet.runtime.scoring.access import ROUTER_HEADER, Access, AccessFile


def test_what_the_router_shows_opens_and_goes_no_further(tmp_path: Path) -> None:
    AccessFile(router_hash=hashlib.sha256(b"shown").hexdigest()).write(tmp_path)
    access = Access(tmp_path)
    assert access.has_router
    headers = {ROUTER_HEADER: b"shown", b"x": b"y"}
    assert access.is_routed(headers) and headers == {b"x": b"y"}
    assert not any(access.is_routed(headers) for headers in ({}, {ROUTER_HEADER: b""}, {ROUTER_HEADER: b"guess"}))


def test_without_a_router_there_is_nothing_to_show(tmp_path: Path) -> None:
    AccessFile().write(tmp_path)
    access = Access(tmp_path)
    assert not access.has_router and not access.is_routed({ROUTER_HEADER: b""})
