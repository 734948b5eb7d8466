"""What a job writes to a datastore, to be registered and read by other runs (v1-behaviours 13.14)."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from amlet.domain import data
from amlet.sdk.dataset_consumption_config import DatasetConsumptionConfig, check_name
from amlet.sdk.exceptions import UserErrorException, as_v1

if TYPE_CHECKING:
    from amlet.domain.data import DatasetRecord
    from amlet.sdk.workspace import Workspace

DEFAULT_PATH = "dataset/{run-id}/{output-name}"


class UploadOptions(NamedTuple):
    """How an output is uploaded."""

    overwrite: bool = False
    source_globs: Optional[List[str]] = None


class MountOptions(NamedTuple):
    """How an output is mounted. Accepted as in v1."""

    disable_metadata_cache: bool = False


class RegistrationConfiguration(NamedTuple):
    """As what an output is registered."""

    name: str
    description: Optional[str]
    tags: Optional[Dict[str, str]]


class _Produced:
    """The last run that an output was given to, shared by all copies of the output."""

    run_id: Optional[str] = None
    destination: Optional[data.DataPath] = None

    def __deepcopy__(self, memo: Any) -> _Produced:
        return self


class OutputDatasetConfig:
    """An output of a job: a path on the node that comes to be on a datastore."""

    _kind = data.FILE_DATASET
    _is_file = False
    destination: Any = None
    source: Optional[str] = None

    def __init__(self, mode: str, name: Optional[str] = None, **kwargs: Any) -> None:
        self._name = check_name(name) if name is not None else f"output_{os.urandom(4).hex()}"
        self.mode = mode
        self._registration: Optional[RegistrationConfiguration] = None
        self._upload = UploadOptions()
        self._reading: Optional[Dict[str, Any]] = None
        self._produced = _Produced()

    @property
    def name(self) -> str:
        """What the script asks for it by: `run.output_datasets[name]`."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = check_name(name)

    @property
    def arg_val(self) -> str:
        """What stands for it in the arguments until the node has its path."""
        return data.OUTPUT_PLACEHOLDER + self._name

    def register_on_complete(
        self, name: str, description: Optional[str] = None, tags: Optional[Dict[str, str]] = None
    ) -> Any:
        """The same; a run that is completed registers it as the next version of that dataset.

        Raises:
            ValueError: for an empty name.
        """
        if not name:
            raise ValueError("The name under which an output is registered must not be empty.")
        made = copy.copy(self)
        made._registration = RegistrationConfiguration(name, description, dict(tags) if tags else None)
        return made

    def as_input(self, name: Optional[str] = None) -> DatasetConsumptionConfig:
        """What it holds after its run, as an input of another."""
        mode = data.DIRECT if self._kind == data.TABULAR_DATASET else data.MOUNT
        return DatasetConsumptionConfig(name or self._name, self, mode)

    def _to_record(self, workspace: Workspace) -> DatasetRecord:
        """The dataset of what the last run wrote.

        Raises:
            UserErrorException: no run had this output, or the one that has it is not completed.
        """
        from amlet.domain.run import COMPLETED
        from amlet.wire.data import RegisterDataset

        made = self._produced
        if made.run_id is None or made.destination is None:
            raise UserErrorException(
                f"The output {self._name!r} was not given to a run yet.",
                hint="submit the run that writes it, wait for it, and then submit the one that reads it.",
            )
        held = workspace._connection
        with as_v1():
            status = held.client.runs.get(held.workspace_id, made.run_id).run.status
            if status != COMPLETED:
                raise UserErrorException(
                    f"Run {made.run_id}, which writes the output {self._name!r}, is {status}.",
                    hint="wait until it is completed: run.wait_for_completion().",
                )
            asked = RegisterDataset(self._kind, [made.destination], self._reading or {})
            return held.client.datasets.register(held.workspace_id, asked)

    def _to_output(self) -> data.JobOutput:
        registration = self._registration
        return data.JobOutput(
            self._name,
            self.mode,
            _destination(self.destination),
            self.source,
            self._upload.overwrite,
            list(self._upload.source_globs or []),
            data.OutputRegistration(
                registration.name, registration.description, registration.tags or {}, self._kind, self._reading or {}
            )
            if registration is not None
            else None,
        )

    def __str__(self) -> str:
        return self.arg_val

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self._name!r}, mode={self.mode!r})"


class TransformationMixin:
    """Outputs whose files are read as a table by other runs."""

    def read_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: Any = True,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Optional[Dict[str, Any]] = None,
    ) -> OutputTabularDatasetConfig:
        """The same as a table of delimited files; the arguments are those of Dataset.Tabular.from_delimited_files."""
        from amlet.sdk.dataset.type_definitions import header_name

        told = {"include_path": include_path, "separator": separator, "header": header_name(header)}
        return self._tabular("delimited", told, partition_format, path_glob, set_column_types)

    def read_parquet_files(
        self,
        include_path: bool = False,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Optional[Dict[str, Any]] = None,
    ) -> OutputTabularDatasetConfig:
        """The same as a table of Parquet files."""
        return self._tabular("parquet", {"include_path": include_path}, partition_format, path_glob, set_column_types)

    def _tabular(
        self,
        reader: str,
        told: Dict[str, Any],
        partition_format: Optional[str],
        path_glob: Optional[str],
        set_column_types: Optional[Dict[str, Any]],
    ) -> OutputTabularDatasetConfig:
        made = OutputTabularDatasetConfig(_of=self)
        more = {
            "partition_format": partition_format,
            "path_glob": path_glob,
            "set_column_types": {name: str(kind) for name, kind in (set_column_types or {}).items()} or None,
        }
        made._reading = {"reader": reader, **told, **{key: value for key, value in more.items() if value is not None}}
        return made


class OutputFileDatasetConfig(OutputDatasetConfig, TransformationMixin):
    """Files that a job writes to a datastore. In `arguments` it becomes the path to write to.

    Args:
        name: By default `output_<8 hex>`.
        destination: A datastore, or (datastore or its name, path). The path may hold `{run-id}` and `{output-name}`;
            by default `workspaceblobstore` and `dataset/{run-id}/{output-name}`.
        source: The path that the script writes to; one is chosen by default.
    """

    def __init__(
        self,
        name: Optional[str] = None,
        destination: Any = None,
        source: Optional[str] = None,
        partition_format: Optional[str] = None,
    ) -> None:
        super().__init__(data.MOUNT, name)
        _destination(destination)
        self.destination = destination
        self.source = source
        self._partition_format = partition_format

    def as_mount(self, disable_metadata_cache: bool = False) -> OutputFileDatasetConfig:
        """The same, written in place where the datastore is on the node's own disk, else brought there at the end."""
        made = copy.copy(self)
        made.mode = data.MOUNT
        return made

    def as_upload(self, overwrite: bool = False, source_globs: Optional[List[str]] = None) -> OutputFileDatasetConfig:
        """The same, uploaded when the script has ended well.

        Args:
            overwrite: Take the place of files that are there.
            source_globs: Only files that one of these matches.
        """
        made = copy.copy(self)
        made.mode = data.UPLOAD
        made._upload = UploadOptions(overwrite, [source_globs] if isinstance(source_globs, str) else source_globs)
        return made

    def as_input(self, name: Optional[str] = None) -> DatasetConsumptionConfig:
        """What it holds after its run, mounted into another."""
        return super().as_input(name)


class OutputTabularDatasetConfig(OutputDatasetConfig):
    """Files that a job writes, read as a table by other runs: what `read_delimited_files` and its like give."""

    _kind = data.TABULAR_DATASET

    def __init__(self, **kwargs: Any) -> None:
        source = kwargs.get("_of")
        if source is None:
            raise UserErrorException(
                "An OutputTabularDatasetConfig is not made by itself.",
                hint="use OutputFileDatasetConfig(...).read_delimited_files() or .read_parquet_files().",
            )
        self.__dict__.update(source.__dict__)

    def keep_columns(self, columns: Any) -> OutputTabularDatasetConfig:
        """The same with these columns alone."""
        return self._step({"step": "keep_columns", "columns": _columns(columns)})

    def drop_columns(self, columns: Any) -> OutputTabularDatasetConfig:
        """The same without these columns."""
        return self._step({"step": "drop_columns", "columns": _columns(columns)})

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Any:
        """Two of them: about so much of the rows, and the rest."""
        step = {"step": "random_split", "percentage": percentage, "seed": seed}
        return self._step({**step, "part": "first"}), self._step({**step, "part": "rest"})

    def as_mount(self) -> OutputTabularDatasetConfig:
        """The same, mounted."""
        made = copy.copy(self)
        made.mode = data.MOUNT
        return made

    def as_upload(
        self, overwrite: bool = False, source_globs: Optional[List[str]] = None
    ) -> OutputTabularDatasetConfig:
        """The same, uploaded when the script has ended well."""
        made = copy.copy(self)
        made.mode = data.UPLOAD
        made._upload = UploadOptions(overwrite, source_globs)
        return made

    def as_input(self, name: Optional[str] = None) -> DatasetConsumptionConfig:
        """What it holds after its run, as a table."""
        return super().as_input(name)

    def _step(self, step: Dict[str, Any]) -> OutputTabularDatasetConfig:
        made = copy.copy(self)
        reading = dict(self._reading or {})
        made._reading = {**reading, "steps": [*reading.get("steps", []), step]}
        return made


def _columns(columns: Any) -> List[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _destination(given: Any) -> data.DataPath:
    """
    Raises:
        UserErrorException: for what is no place on a datastore.
    """
    if given is None:
        return data.DataPath(data.WORKSPACE_BLOB_STORE, DEFAULT_PATH)
    store, path = given if isinstance(given, (tuple, list)) and len(given) == 2 else (given, None)
    name = store if isinstance(store, str) else getattr(store, "name", None)
    if not isinstance(name, str) or not name or not (path is None or isinstance(path, str)):
        raise UserErrorException(
            f"{given!r} is no destination.", hint="give a datastore, or a pair (datastore, 'path/on/it')."
        )
    return data.DataPath(name, data.clean_path(path) if path else DEFAULT_PATH)
