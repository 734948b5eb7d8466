"""The port of samplers: where the parameters of a sweep's trials come from.

Contract, for every implementation that draws by number:

* `draw(n)` is the same on every machine, at any concurrency and after any restart: it follows from the space, the seed
  and n alone.
* What it gives is JSON: names and numbers, texts, booleans, lists, None.
* Not safe for several threads at once.
"""

from __future__ import annotations

from typing import Any, Protocol

Parameters = dict[str, Any]


class Sampler(Protocol):
    """Draws the parameters of trials by their number."""

    @property
    def size(self) -> int | None:
        """How many different points there are; None when they cannot be counted."""

    def draw(self, number: int) -> Parameters | None:
        """The parameters of the trial of this number, from 0; None when the space has no such point."""
