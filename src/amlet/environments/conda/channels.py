"""Channels: which ones a spec asks, and what their short names stand for."""

from __future__ import annotations

from collections.abc import Sequence

from amlet.environments.conda_lines import Unreadable, parse

DEFAULT = "conda-forge"
"""Asked where a spec names no channel."""

_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")
_NOT_ASKED = "nodefaults"


def channels_of(channels: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The channels to ask: the spec's, then those that a line of it names (`channel::package`)."""
    found = [channel.strip() for channel in channels if channel.strip() not in ("", _NOT_ASKED)]
    for line in lines:
        channel = _named_in(line)
        if channel and channel not in found:
            found.append(channel)
    return found or [DEFAULT]


def spelled_out(channels: Sequence[str]) -> list[str]:
    """The channels without conda's own short names, for a program that does not know them."""
    found: list[str] = []
    for channel in channels:
        found += _DEFAULTS if channel == "defaults" else (channel,)
    return list(dict.fromkeys(found))


def _named_in(line: str) -> str:
    try:
        asked = parse(line)
    except Unreadable:
        return ""
    # `conda-forge/linux-64::numpy` names one folder of a channel.
    return asked.channel.removesuffix("/linux-64").removesuffix("/noarch") if asked else ""
