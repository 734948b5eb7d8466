"""v1's legacy objects for targets that need no making: `local` alone."""

from __future__ import annotations

from amlet.domain.compute import LOCAL
from amlet.sdk.refused import RefusedMember


class AbstractComputeTarget:
    """A name and a kind. A run takes it in the place of the name."""

    deserialize_from_dict = RefusedMember('use ws.compute_targets["name"], or the name itself.')

    def __init__(self, compute_target_type: str, name: str) -> None:
        self._type = compute_target_type
        self._name = name

    @property
    def type(self) -> str:
        """The kind."""
        return self._type

    @property
    def name(self) -> str:
        """The name."""
        return self._name


class LocalTarget(AbstractComputeTarget):
    """This machine: `compute_target="local"` says the same."""

    def __init__(self) -> None:
        super().__init__(LOCAL, LOCAL)
