"""Paths on datastores, and how a job gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from amlet.sdk.data_reference import DataReference
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.runconfig_data import DATA_REFERENCE_MODES

if TYPE_CHECKING:
    from amlet.sdk.datastore_base import AbstractDatastore


class DataPath:
    """A path on a datastore: a file, a folder or a glob; of a database: a query.

    Args:
        datastore: None leaves it to whoever uses the path.
        name: Names the references that are made of it.
    """

    def __init__(
        self,
        datastore: Optional[AbstractDatastore] = None,
        path_on_datastore: Optional[str] = None,
        name: Optional[str] = None,
    ) -> None:
        self._datastore = datastore
        self._path_on_datastore = path_on_datastore
        self._name = name

    @property
    def datastore_name(self) -> Optional[str]:
        """The datastore's name."""
        return self._datastore.name if self._datastore is not None else None

    @property
    def path_on_datastore(self) -> Optional[str]:
        """The path on it."""
        return self._path_on_datastore

    def create_data_reference(
        self, data_reference_name: Optional[str] = None, datapath_compute_binding: Any = None
    ) -> DataReference:
        """A reference to it, bound to a place on the node."""
        if self._datastore is None:
            raise UserErrorException("The DataPath has no datastore.", hint="DataPath(datastore, path) has one.")
        binding = datapath_compute_binding or DataPathComputeBinding()
        return DataReference(
            self._datastore,
            data_reference_name or self._name,
            self._path_on_datastore,
            binding._mode,
            binding._path_on_compute,
            binding._overwrite,
        )

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPath:
        """The path that a reference leads to."""
        found = data_reference
        return DataPath(found.datastore, found.path_on_datastore, found.data_reference_name)

    def __repr__(self) -> str:
        return f"DataPath(datastore={self.datastore_name!r}, path_on_datastore={self._path_on_datastore!r})"


class DataPathComputeBinding:
    """How a job gets a path: `mount`, `download` or `upload`, and where.

    Raises:
        UserErrorException: for another mode.
    """

    def __init__(self, mode: str = "mount", path_on_compute: Optional[str] = None, overwrite: bool = False) -> None:
        if mode not in DATA_REFERENCE_MODES:
            raise UserErrorException(f"{mode!r} is no mode: it is one of {', '.join(DATA_REFERENCE_MODES)}.")
        self._mode = mode
        self._path_on_compute = path_on_compute
        self._overwrite = overwrite

    def create_data_reference(
        self, data_reference_name: Optional[str] = None, datapath: Optional[DataPath] = None
    ) -> DataReference:
        """A reference to a path, bound so."""
        if datapath is None:
            raise UserErrorException("datapath is missing.")
        return datapath.create_data_reference(data_reference_name, self)

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> DataPathComputeBinding:
        """How a reference is bound."""
        return DataPathComputeBinding(data_reference.mode, data_reference.path_on_compute, data_reference.overwrite)
