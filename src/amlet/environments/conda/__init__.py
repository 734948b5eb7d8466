"""What only conda has: solved and installed by a conda program of this machine, or by py-rattler."""

from __future__ import annotations

from amlet.environments.conda.activation import activated
from amlet.environments.conda.build import is_in_place, make
from amlet.environments.conda.resolve import can_do_without, own_program, resolve

__all__ = ["activated", "can_do_without", "is_in_place", "make", "own_program", "resolve"]
