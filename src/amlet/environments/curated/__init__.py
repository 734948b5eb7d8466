"""The catalogue of curated environments: a file a name, a lock a name and Python (v1-behaviours 0.2, 10.16)."""

from __future__ import annotations

from amlet.environments.curated.catalogue import day_of, find, get, is_curated, names
from amlet.environments.curated.locks import CuratedLock, cautions, locked

__all__ = ["CuratedLock", "cautions", "day_of", "find", "get", "is_curated", "locked", "names"]
