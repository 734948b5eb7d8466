"""What all datasets share: a definition that never changes, and its record in a workspace (v1-behaviours 13.9)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Union

from amlet.base.ids import uuid4_text
from amlet.domain.data import TABULAR_DATASET, DatasetRecord
from amlet.sdk.dataset.expressions import Expression
from amlet.sdk.dataset.partition_format import parse
from amlet.sdk.dataset.sources import Sources
from amlet.sdk.exceptions import UserErrorException, as_v1

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

Tags = Optional[Union[Dict[str, str], List[str]]]


class AbstractDataset:
    """A definition of data: where it is, how it is read, and steps on it. Methods make others of it."""

    _kind = ""
    _is_file = False

    def __init__(self) -> None:
        raise UserErrorException(
            f"{type(self).__name__} is not made by itself.",
            hint="use Dataset.Tabular.from_delimited_files(...), Dataset.File.from_files(...) and their like.",
        )

    @classmethod
    def _make(cls, sources: Sources, definition: Dict[str, Any], record: Optional[DatasetRecord] = None) -> Any:
        made = cls.__new__(cls)
        made._sources = sources
        made._definition = definition
        made._record = record
        return made

    _sources: Sources
    _definition: Dict[str, Any]
    _record: Optional[DatasetRecord]

    @staticmethod
    def get_by_name(workspace: Workspace, name: str, version: Union[int, str] = "latest", **kwargs: Any) -> Any:
        """A registered dataset.

        Raises:
            UserErrorException: there is none of that name or version, with the nearest name.
        """
        from amlet.wire.data import DatasetQuery

        if version != "latest" and not str(version).isdigit():
            raise UserErrorException(f"version={version!r} is neither 'latest' nor a whole number.")
        query = DatasetQuery(name, latest=True) if version == "latest" else DatasetQuery(name, int(version))
        held = workspace._connection
        with as_v1():
            return _read_by_run(of_record(workspace, held.client.datasets.list(held.workspace_id, query).datasets[0]))

    @staticmethod
    def get_by_id(workspace: Workspace, id: str, **kwargs: Any) -> Any:
        """A dataset by its id.

        Raises:
            UserErrorException: there is none.
        """
        held = workspace._connection
        with as_v1():
            return _read_by_run(of_record(workspace, held.client.datasets.get(held.workspace_id, id)))

    @staticmethod
    def get_all(workspace: Workspace) -> Mapping[str, Any]:
        """The latest version of every registered dataset, by name."""
        return AllDatasets(workspace)

    @property
    def id(self) -> Optional[str]:
        """Its id; None as long as no workspace knows it."""
        return self._record.id if self._record else None

    @property
    def name(self) -> Optional[str]:
        """The name it is registered under, or None."""
        return self._record.name if self._record else None

    @property
    def version(self) -> Optional[int]:
        """Its version under that name, or None."""
        return self._record.version if self._record else None

    @property
    def description(self) -> Optional[str]:
        """Its description."""
        return self._record.description if self._record else None

    @property
    def tags(self) -> Dict[str, str]:
        """Its tags."""
        return dict(self._record.tags) if self._record else {}

    @property
    def data_changed_time(self) -> Any:
        """When its record was last changed; None as long as there is none."""
        return self._record.modified if self._record else None

    @property
    def partition_keys(self) -> List[str]:
        """The columns that are told by the paths of the files."""
        told = self._definition.get("partition_format")
        return list(parse(told).columns) if told else []

    def get_partition_key_values(self, partition_keys: Optional[List[str]] = None) -> List[Dict[str, Any]]:
        """The distinct values of those columns.

        Raises:
            UserErrorException: a key is none.
        """
        from amlet.sdk.dataset.files import list_files, partition_values
        from amlet.sdk.dataset.steps import check_columns

        keys = self.partition_keys if partition_keys is None else list(partition_keys)
        check_columns(keys, self.partition_keys)
        if not keys:
            return []
        values = partition_values(list_files(self._sources), parse(self._definition["partition_format"]))
        found = dict.fromkeys(tuple(row[key] for key in keys) for row in values)
        return [dict(zip(keys, row)) for row in found]

    def as_named_input(self, name: str) -> Any:
        """The dataset under the name by which a script asks for it: `run.input_datasets[name]`."""
        from amlet.sdk.dataset_consumption_config import DatasetConsumptionConfig

        return DatasetConsumptionConfig(name, self)

    def register(
        self,
        workspace: Workspace,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        create_new_version: bool = False,
    ) -> Any:
        """Register it in a workspace. Files that are only on this machine are uploaded to its default datastore first.

        Raises:
            UserErrorException: the name is taken and `create_new_version` is false, or this very definition is
                registered under it already.
        """
        from amlet.sdk.dataset.records import register

        record = register(self, workspace, name, description, tags or {}, create_new_version=create_new_version)
        return of_record(workspace, record)

    def update(self, description: Optional[str] = None, tags: Optional[Dict[str, str]] = None) -> Any:
        """Change description and tags of a registered dataset. All tags are replaced where `tags` is given.

        Raises:
            UserErrorException: it is not registered.
        """
        lost = [key for key in self.tags if tags is not None and key not in tags]
        return self._update("update", description, tags or {}, lost)

    def add_tags(self, tags: Optional[Dict[str, str]] = None) -> Any:
        """Add tags, or give them other values."""
        return self._update("add_tags", None, tags or {}, [])

    def remove_tags(self, tags: Optional[List[str]] = None) -> Any:
        """Remove tags by their keys."""
        return self._update("remove_tags", None, {}, list(tags or []))

    def unregister_all_versions(self) -> None:
        """Take all versions of its name out of the workspace's list. The data stays.

        Raises:
            UserErrorException: it is not registered.
        """
        from amlet.wire.data import DatasetName

        record, workspace = self._registered("unregister_all_versions")
        held = workspace._connection
        with as_v1():
            held.client.datasets.unregister(held.workspace_id, DatasetName(str(record.name)))
        self._record = record._replace(name=None, version=None)

    def __getitem__(self, key: str) -> Expression:
        """A column, to make a condition of for `filter`."""
        if not isinstance(key, str):
            raise UserErrorException(f"dataset[{key!r}]: a column is named by a text.")
        return Expression(["column", key])

    def __deepcopy__(self, memo: Any) -> AbstractDataset:
        return self

    def __repr__(self) -> str:
        told = {"name": self.name, "version": self.version} if self.name else {"id": self.id}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in told.items())})"

    def _with_step(self, step: Dict[str, Any], **changes: Any) -> Any:
        definition = copy.deepcopy(self._definition)
        definition["steps"] = [*definition.get("steps", []), step]
        definition.update(changes)
        return self._make(self._sources, definition)

    @property
    def _brings_data(self) -> bool:
        """Whether files are to be brought to a datastore before it can be recorded."""
        return self._sources.is_local or bool(self._definition.get("written"))

    def _to_record(self, workspace: Workspace) -> DatasetRecord:
        """Its record at the server, made where there is none yet."""
        from amlet.sdk.dataset.records import record_of

        return record_of(self, workspace)

    def _registered(self, call: str) -> Any:
        if self._record is None or self._record.name is None or self._sources.workspace is None:
            raise UserErrorException(
                f"{call} is for registered datasets.", hint="register it first: dataset = dataset.register(ws, name)."
            )
        return self._record, self._sources.workspace

    def _update(self, call: str, description: Optional[str], tags: Dict[str, str], lost: List[str]) -> Any:
        from amlet.sdk.dataset.records import checked_tags
        from amlet.wire.data import UpdateDataset

        record, workspace = self._registered(call)
        held = workspace._connection
        with as_v1():
            changed = held.client.datasets.update(
                held.workspace_id, record.id, UpdateDataset(description, checked_tags(tags), lost)
            )
        self._record = changed
        return self


class AllDatasets(Mapping[str, Any]):
    """The registered datasets of a workspace by name, listed when they are asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: Optional[Dict[str, DatasetRecord]] = None

    def __getitem__(self, name: str) -> Any:
        return of_record(self._workspace, self._records[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self._records))}}}"

    @property
    def _records(self) -> Dict[str, DatasetRecord]:
        if self._found is None:
            from amlet.wire.data import DatasetQuery

            held = self._workspace._connection
            with as_v1():
                records = held.client.datasets.list(held.workspace_id, DatasetQuery(latest=True)).datasets
            self._found = {str(record.name): record for record in records}
        return self._found


def all_versions(workspace: Workspace, name: str) -> List[Any]:
    """Every version of a registered dataset, newest first.

    Raises:
        UserErrorException: there is none of that name.
    """
    from amlet.wire.data import DatasetQuery

    held = workspace._connection
    with as_v1():
        records = held.client.datasets.list(held.workspace_id, DatasetQuery(name)).datasets
    return [of_record(workspace, record) for record in records]


def of_record(workspace: Workspace, record: DatasetRecord) -> Any:
    """The object of a record."""
    from amlet.sdk.dataset.file_dataset import FileDataset
    from amlet.sdk.dataset.tabular_dataset import TabularDataset

    kind = TabularDataset if record.kind == TABULAR_DATASET else FileDataset
    return kind._make(Sources(list(record.sources), workspace), dict(record.definition), record)


def checked_count(count: Any, call: str) -> int:
    """
    Raises:
        UserErrorException: it is no number of rows or files.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise UserErrorException(f"{call}({count!r}): give a whole number that is not negative.")
    return count


def checked_share(share: Any, call: str) -> float:
    """
    Raises:
        UserErrorException: it is not between 0 and 1.
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise UserErrorException(f"{call}({share!r}): give a number from 0 to 1.")
    return float(share)


def checked_seed(seed: Any) -> int:
    """A seed; one is chosen where none is given, so that the dataset stays the same.

    Raises:
        UserErrorException: it is no whole number.
    """
    if seed is None:
        return int(uuid4_text()[:8], 16)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise UserErrorException(f"seed={seed!r} is no whole number.")
    return seed


def _read_by_run(dataset: Any) -> Any:
    """Note that the run which this process belongs to reads the dataset (v1-behaviours 13.17)."""
    from amlet.runtime.job import JobContext

    job = JobContext.current()
    if job is not None and dataset._record.name is not None:
        from amlet.wire.data import ReadDataset

        held = dataset._sources.workspace._connection
        with as_v1():
            held.client.runs.read_dataset(held.workspace_id, job.run_id, ReadDataset(dataset.id))
    return dataset
