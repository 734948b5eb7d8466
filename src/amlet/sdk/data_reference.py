"""References to paths on datastores, as v1 had them before datasets (v1-behaviours 13.16)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Optional

from amlet.base.ids import uuid4_text
from amlet.base.names import REFERENCE
from amlet.domain.data import REFERENCE_PREFIX
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.runconfig_data import DATA_REFERENCE_MODES, DataReferenceConfiguration

if TYPE_CHECKING:
    from amlet.sdk.datastore_base import AbstractDatastore


class DataReference:
    """A path on a datastore that a job gets or leaves. In `arguments` it becomes the path on the node.

    Args:
        data_reference_name: Names its variable, `AZUREML_DATAREFERENCE_<name>`; by default the datastore's name, or a
            random one where a path is given.
        mode: `mount`, `download` or `upload`.
        path_on_compute: Where it is on the node, below the script's folder unless absolute.

    Raises:
        UserErrorException: for another mode, or a name that cannot be a variable's.
    """

    def __init__(
        self,
        datastore: AbstractDatastore,
        data_reference_name: Optional[str] = None,
        path_on_datastore: Optional[str] = None,
        mode: str = "mount",
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        if data_reference_name is None:
            data_reference_name = datastore.name if path_on_datastore is None else uuid4_text().replace("-", "")
        elif not REFERENCE.allows(data_reference_name):
            raise UserErrorException(
                f"{data_reference_name!r} cannot name a data reference: {REFERENCE.words}.", hint="choose another name."
            )
        if mode not in DATA_REFERENCE_MODES:
            raise UserErrorException(
                f"{mode!r} is no mode of a data reference: it is one of {', '.join(DATA_REFERENCE_MODES)}."
            )
        self.datastore = datastore
        self.data_reference_name = data_reference_name
        self.path_on_datastore = path_on_datastore
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def path(self, path: Optional[str] = None, data_reference_name: Optional[str] = None) -> DataReference:
        """A reference to a path below this one."""
        joined = "/".join(part for part in (self.path_on_datastore, path) if part) or None
        return DataReference(self.datastore, data_reference_name, joined)

    def as_mount(self) -> DataReference:
        """The same, mounted."""
        return self._with("mount", self.path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None, overwrite: bool = False) -> DataReference:
        """The same, downloaded before the script starts."""
        return self._with("download", path_on_compute)

    def as_upload(self, path_on_compute: Optional[str] = None, overwrite: bool = False) -> DataReference:
        """The same, to which what the script leaves at the path is uploaded."""
        return self._with("upload", path_on_compute, overwrite=overwrite)

    def to_config(self) -> DataReferenceConfiguration:
        """For `run_config.data_references`."""
        return DataReferenceConfiguration(
            self.datastore.name, self.mode, self.path_on_datastore, self.path_on_compute, self.overwrite
        )

    @staticmethod
    def create(
        data_reference_name: Optional[str] = None, datapath: Any = None, datapath_compute_binding: Any = None
    ) -> DataReference:
        """A reference to a DataPath, bound to a place on the node."""
        if datapath is None:
            raise UserErrorException("datapath is missing.")
        found: DataReference = datapath.create_data_reference(data_reference_name, datapath_compute_binding)
        return found

    def _with(self, mode: str, path_on_compute: Optional[str], *, overwrite: Optional[bool] = None) -> DataReference:
        made = copy.copy(self)
        made.mode = mode
        made.path_on_compute = path_on_compute
        made.overwrite = self.overwrite if overwrite is None else overwrite
        return made

    def __str__(self) -> str:
        return f"${REFERENCE_PREFIX}{self.data_reference_name}"

    def __repr__(self) -> str:
        return str(self)
