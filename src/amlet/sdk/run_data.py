"""A run's data as its own script sees it: from the variables that the node set (v1-behaviours 6.4)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping

from amlet.domain.data import DIRECT, INPUTS_VARIABLE, OUTPUTS_VARIABLE

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


class InputDatasets(Mapping[str, Any]):
    """By name: a path, or the dataset where it is given as itself. It is asked for when it is first used."""

    def __init__(self, workspace: Workspace, modes: Dict[str, str]) -> None:
        self._workspace = workspace
        self._modes = modes
        self._held: Dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if self._modes[name] != DIRECT:
            return os.environ[name]
        if name not in self._held:
            from amlet.sdk import Dataset

            self._held[name] = Dataset.get_by_id(self._workspace, os.environ[name])
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modes)

    def __len__(self) -> int:
        return len(self._modes)

    def __repr__(self) -> str:
        return f"InputDatasets({self._modes!r})"


def input_datasets(workspace: Workspace) -> InputDatasets:
    """What this process was given."""
    told = os.environ.get(INPUTS_VARIABLE, "")
    pairs = (item.rpartition(":") for item in told.split(",") if item)
    return InputDatasets(workspace, {name: mode for name, _, mode in pairs})


def output_datasets() -> Dict[str, str]:
    """Where this process may write to, by the outputs' names."""
    names = [name for name in os.environ.get(OUTPUTS_VARIABLE, "").split(";") if name]
    return {name: os.environ[name] for name in names}
