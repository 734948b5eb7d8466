"""Environments: spec → lock → build, by uv, and the cache of builds."""

from __future__ import annotations

from amlet.environments import curated
from amlet.environments.builds import Build
from amlet.environments.containers import Contained
from amlet.environments.environments import Environments

__all__ = ["Build", "Contained", "Environments", "curated"]
