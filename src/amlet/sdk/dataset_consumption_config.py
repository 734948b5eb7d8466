"""How a job gets a dataset: as itself, mounted, or downloaded (v1-behaviours 13.10, 13.11)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Optional, Protocol

from amlet.base.names import INPUT
from amlet.domain.data import DIRECT, DOWNLOAD, FILE_DATASET, INPUT_MODES, INPUT_PLACEHOLDER, MOUNT
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import warn
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.domain.data import DatasetRecord
    from amlet.sdk.workspace import Workspace

SHELL_NAMES = ("path", "ld_library_path", "user", "logname", "home", "pwd", "shell")
"""Names that v1 only warns of."""


class Consumable(Protocol):
    """What a job can get: a dataset, or the output of another run."""

    @property
    def _kind(self) -> str:
        """`file` or `tabular`."""

    @property
    def _is_file(self) -> bool:
        """Whether it is one file, whose own path the script gets."""

    def _to_record(self, workspace: Workspace) -> DatasetRecord:
        """Its record at the server, made where there is none yet."""


class DatasetConsumptionConfig:
    """A dataset under the name by which a script asks for it: `run.input_datasets[name]`.

    Args:
        mode: `direct`: the script gets the dataset itself; `mount` and `download`: a path.
        path_on_compute: Where it is on the node, below the script's folder unless absolute.

    Raises:
        UserErrorException: for a name that cannot be a variable's, another mode, or a tabular dataset as files.
    """

    def __init__(self, name: str, dataset: Any, mode: str = DIRECT, path_on_compute: Optional[str] = None) -> None:
        self._name = check_name(name)
        self.dataset = dataset
        if mode not in INPUT_MODES:
            raise UserErrorException(f"{mode!r} is no mode: it is one of {', '.join(INPUT_MODES)}.")
        self.mode = mode
        self.path_on_compute = path_on_compute
        self._check_mode()

    @property
    def name(self) -> str:
        """What the script asks for it by."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = check_name(name)

    @property
    def arg_val(self) -> str:
        """What stands for it in the arguments until the node has its path."""
        return INPUT_PLACEHOLDER + self._name

    def as_download(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """The same, downloaded before the script starts."""
        return self._with(DOWNLOAD, path_on_compute)

    def as_mount(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """The same, mounted: data on the node's own disk is linked, other data fetched into the node's cache."""
        return self._with(MOUNT, path_on_compute)

    as_hdfs = RefusedMember("use as_mount() or as_download(): amlet starts no Spark.")

    def _with(self, mode: str, path_on_compute: Optional[str]) -> DatasetConsumptionConfig:
        made = copy.copy(self)
        made.mode = mode
        made.path_on_compute = path_on_compute
        made._check_mode()
        return made

    def _check_mode(self) -> None:
        kind = getattr(self.dataset, "_kind", FILE_DATASET)
        if self.mode != DIRECT and kind != FILE_DATASET:
            raise UserErrorException(
                f"{type(self.dataset).__name__} does not support {self.mode}. Only FileDataset supports {self.mode}.",
                hint="use as_named_input(name) alone: the script then gets the dataset itself.",
            )

    def __str__(self) -> str:
        return self.arg_val

    def __repr__(self) -> str:
        return f"DatasetConsumptionConfig(name={self._name!r}, mode={self.mode!r})"


def check_name(name: Any) -> str:
    """A name of an input or output (v1-behaviours 13.10).

    Raises:
        UserErrorException: it cannot be a variable's.
    """
    if not INPUT.allows(name):
        raise UserErrorException(f"{name!r} cannot name an input or output: {INPUT.words}.")
    if name.lower() in SHELL_NAMES:
        warn(f"the input or output {name!r} has the name of a shell's own variable: scripts may misread it.")
    return str(name)
