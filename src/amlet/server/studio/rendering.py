"""Templates to bytes: always escaped, and never failing for what a name or value may hold."""

from __future__ import annotations

import functools
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from amlet.base.clock import to_iso
from amlet.base.units import human_bytes
from amlet.base.version import __version__
from amlet.server.studio import assets
from amlet.server.studio.words import clip, duration, number, tone
from amlet.wire import pages

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> bytes:
    """The page of a template, in UTF-8. Lone surrogates, which a tag may hold, come out as `?`."""
    return _environment().get_template(template).render(values).encode("utf-8", "replace")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        {
            "bytes": human_bytes,
            "clip": clip,
            "duration": duration,
            "iso": to_iso,
            "moment": _moment,
            "number": number,
            "tone": tone,
        }
    )
    environment.globals.update(
        {
            "asset": assets.path_of,
            "pages": pages,
            "version": __version__,
        }
    )
    return environment


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")
