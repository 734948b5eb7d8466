"""Tables: rows and columns of files or of a query."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from amlet.domain.data import FILE_DATASET, TABULAR_DATASET
from amlet.sdk.dataset import steps
from amlet.sdk.dataset.abstract_dataset import AbstractDataset, checked_count, checked_seed, checked_share
from amlet.sdk.dataset.expressions import condition_of, time_value
from amlet.sdk.dataset.partition_format import parse
from amlet.sdk.dataset.sources import Sources
from amlet.sdk.dataset.writing import CSV, PARQUET
from amlet.sdk.exceptions import DatasetTimestampMissingError, UserErrorException
from amlet.sdk.refused import RefusedMember

Columns = Union[str, List[str]]
_PROFILE = "use to_pandas_dataframe().describe()."
_STREAMS = "read the column of paths and open the files in the script, or make a Dataset.File of them."


class TabularDataset(AbstractDataset):
    """A table. What is asked of it is kept as steps; data is read when rows are needed, and no more than is needed."""

    _kind = TABULAR_DATASET

    to_dask_dataframe = RefusedMember("use to_pandas_dataframe(), or read the files with Dask in the script.")
    to_spark_dataframe = RefusedMember("use to_pandas_dataframe(): amlet starts no Spark.")
    submit_profile_run = RefusedMember(_PROFILE)
    get_profile = RefusedMember(_PROFILE)
    get_profile_runs = RefusedMember(_PROFILE)
    download = RefusedMember(_STREAMS)
    mount = RefusedMember(_STREAMS)

    @property
    def timestamp_columns(self) -> Tuple[Optional[str], Optional[str]]:
        """The column of times, and that of the times in the files' paths; None for one there is not."""
        found: Tuple[Optional[str], Optional[str]] = (None, None)
        for step in self._definition.get("steps", []):
            if step["step"] == steps.TIMESTAMPS:
                found = (step["timestamp"], step["partition_timestamp"])
            elif step["step"] == steps.KEEP:
                found = tuple(name if name in step["columns"] else None for name in found)  # type: ignore[assignment]
            elif step["step"] == steps.DROP:
                found = tuple(None if name in step["columns"] else name for name in found)  # type: ignore[assignment]
        return found

    def with_timestamp_columns(
        self,
        timestamp: Optional[str] = None,
        partition_timestamp: Optional[str] = None,
        validate: bool = False,
        **kwargs: Any,
    ) -> TabularDataset:
        """The same with these columns of times for the `time_*` methods; None for both takes them away.

        Raises:
            UserErrorException: the two are one column, or with `validate` one is not there or holds no times.
        """
        if timestamp is not None and timestamp == partition_timestamp:
            raise UserErrorException("timestamp and partition_timestamp are the same column.")
        step = {"step": steps.TIMESTAMPS, "timestamp": timestamp, "partition_timestamp": partition_timestamp}
        made = self._with_step(step)
        if validate:
            names = [name for name in (timestamp, partition_timestamp) if name is not None]
            made._check_columns(names)
            for name in names:
                made._check_times(name)
        return made  # type: ignore[no-any-return]

    def take(self, count: int) -> TabularDataset:
        """The first rows."""
        return self._with_step({"step": steps.TAKE, "count": checked_count(count, "take")})  # type: ignore[no-any-return]

    def skip(self, count: int) -> TabularDataset:
        """All but the first rows."""
        return self._with_step({"step": steps.SKIP, "count": checked_count(count, "skip")})  # type: ignore[no-any-return]

    def take_sample(self, probability: float, seed: Optional[int] = None) -> TabularDataset:
        """Each row with this probability."""
        share = checked_share(probability, "take_sample")
        step = {"step": steps.SAMPLE, "probability": share, "seed": checked_seed(seed)}
        return self._with_step(step)  # type: ignore[no-any-return]

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Tuple[TabularDataset, TabularDataset]:
        """About this share of the rows, and the rest: no row is in both, none in neither."""
        share = checked_share(percentage, "random_split")
        step = {"step": steps.SPLIT, "percentage": share, "seed": checked_seed(seed)}
        return self._with_step({**step, "part": "first"}), self._with_step({**step, "part": "rest"})

    def keep_columns(self, columns: Columns, validate: bool = False) -> TabularDataset:
        """These columns alone, in the order that they have.

        Raises:
            UserErrorException: there is no name, or with `validate` one is no column.
        """
        names = _names(columns, "keep_columns")
        if validate:
            self._check_columns(names)
        return self._with_step({"step": steps.KEEP, "columns": names})  # type: ignore[no-any-return]

    def drop_columns(self, columns: Columns) -> TabularDataset:
        """All columns but these."""
        return self._with_step({"step": steps.DROP, "columns": _names(columns, "drop_columns")})  # type: ignore[no-any-return]

    def filter(self, expression: Any) -> TabularDataset:
        """The rows that match a condition: `dataset.filter((dataset["a"] > 1) & (dataset["b"] == "x"))`."""
        return self._with_step({"step": steps.FILTER, "condition": condition_of(expression)})  # type: ignore[no-any-return]

    def time_before(self, end_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """The rows up to a time (v1-behaviours 13.7)."""
        return self._between(None, end_time, include_boundary=include_boundary, validate=validate)

    def time_after(self, start_time: datetime, include_boundary: bool = True, validate: bool = True) -> TabularDataset:
        """The rows from a time on."""
        return self._between(start_time, None, include_boundary=include_boundary, validate=validate)

    def time_between(
        self, start_time: datetime, end_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """The rows from one time to another."""
        return self._between(start_time, end_time, include_boundary=include_boundary, validate=validate)

    def time_recent(
        self, time_delta: timedelta, include_boundary: bool = True, validate: bool = True
    ) -> TabularDataset:
        """The rows of so long a time before now: as in v1 by this machine's clock, not by the newest row."""
        if not isinstance(time_delta, timedelta):
            raise UserErrorException(f"time_delta={time_delta!r} is no timedelta.")
        start = datetime.now(timezone.utc).replace(tzinfo=None) - time_delta
        return self._between(start, None, include_boundary=include_boundary, validate=validate)

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """All rows as a data frame of this environment's pandas. Where there is a column of times it is the index too.

        Args:
            on_error: `null`: a value that is not of its column's type is null, and a line says how many; `fail`: it is
                an error.
            out_of_range_datetime: The same for times that pandas cannot hold.
        """
        for name, value in (("on_error", on_error), ("out_of_range_datetime", out_of_range_datetime)):
            if value not in ("null", "fail"):
                raise UserErrorException(f"{name}={value!r} is neither 'null' nor 'fail'.")
        from amlet.sdk.dataset.reading import to_data_frame

        frame = to_data_frame(
            self._sources, self._definition, fail=on_error == "fail", out_of_range=out_of_range_datetime
        )
        times = next((name for name in self.timestamp_columns if name is not None), None)
        if times is not None and times in frame.columns:
            frame = frame.set_index(times, drop=False)
            frame.index.name = None
        return frame

    def to_csv_files(self, separator: str = ",") -> Any:
        """The rows as a FileDataset of a file of comma-separated values, written when it is downloaded or recorded."""
        check_separator(separator)
        return self._written({"form": CSV, "separator": separator})

    def to_parquet_files(self) -> Any:
        """The rows as a FileDataset of a Parquet file, written when it is downloaded or recorded."""
        return self._written({"form": PARQUET})

    def partition_by(
        self,
        partition_keys: List[str],
        target: Any,
        name: Optional[str] = None,
        show_progress: bool = True,
        partition_as_file_dataset: bool = False,
    ) -> Any:
        """Write the rows to a datastore as Parquet files, a folder for each value of the keys.

        Args:
            target: A datastore path: (datastore, 'path') or DataPath. The files get a new folder below it.
            name: Register the result under this name, as its next version.
            partition_as_file_dataset: Give a FileDataset.

        Returns:
            The dataset of what was written, whose `partition_keys` are the keys.
        """
        from amlet.sdk.dataset.file_dataset import FileDataset
        from amlet.sdk.dataset.notes import Notes
        from amlet.sdk.dataset.reading import PARQUET as READER
        from amlet.sdk.dataset.reading import read_blocks
        from amlet.sdk.dataset.records import check
        from amlet.sdk.dataset.upload import target_of, upload_folder
        from amlet.sdk.dataset.writing import write_partitions

        keys = _names(partition_keys, "partition_by")
        place, workspace = target_of(target)
        if name is not None:
            kind = FILE_DATASET if partition_as_file_dataset else TABULAR_DATASET
            check(workspace, kind, place, name, None, {}, create_new_version=True)
        self._check_columns(keys)
        with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
            notes = Notes()
            write_partitions(read_blocks(self._sources, self._definition, notes), Path(folder), keys)
            notes.tell()
            source, _ = upload_folder(Path(folder), target, show_progress=show_progress)
        form = source.path + "/" + "/".join("{" + key + "}" for key in keys) + "/*.parquet"
        definition: Dict[str, Any] = {"partition_format": "/" + form}
        made: Any
        if partition_as_file_dataset:
            made = FileDataset._make(Sources([source], workspace), definition)
        else:
            made = TabularDataset._make(Sources([source], workspace), {"reader": READER, **definition})
        return made.register(workspace, name, create_new_version=True) if name is not None else made

    def _between(
        self, start: Optional[datetime], end: Optional[datetime], *, include_boundary: bool, validate: bool
    ) -> TabularDataset:
        names = [name for name in reversed(self.timestamp_columns) if name is not None]
        if not names:
            raise DatasetTimestampMissingError(
                "The dataset has no column of times.", hint="dataset.with_timestamp_columns('column') names it."
            )
        for moment in (start, end):
            if moment is not None and not isinstance(moment, datetime):
                raise UserErrorException(f"{moment!r} is no datetime.")
        made: Any = self
        fine = self.timestamp_columns[0]
        for name in names:
            exact = name == fine or fine is None
            if validate:
                self._check_times(name)
            for operator, moment in ((">", start), ("<", end)):
                if moment is None:
                    continue
                bound = _cut(moment) if operator == ">" else _rounded(moment)
                if not exact and operator == ">":
                    earliest = self._earliest_path(name, bound)
                    if earliest is None:
                        continue
                    bound = earliest
                sign = operator + ("=" if include_boundary or not exact else "")
                condition = [sign, ["column", name], time_value(bound)]
                made = made._with_step({"step": steps.FILTER, "condition": condition})
        return made  # type: ignore[no-any-return]

    def _earliest_path(self, name: str, start: datetime) -> Optional[datetime]:
        """The time that a path tells at least whose rows are from `start` on; None where that is not known.

        A path tells the beginning of the time that its rows are of, and perhaps in another zone.
        """
        told = self._definition.get("partition_format")
        form = parse(told) if told else None
        if form is None or form.time_column != name:
            return None
        try:
            return start - form.period - timedelta(days=1)
        except OverflowError:
            return None

    def _written(self, told: Dict[str, Any]) -> Any:
        from amlet.sdk.dataset.file_dataset import FileDataset

        return FileDataset._make(self._sources, {"written": {**told, "of": self._definition}})

    def _check_columns(self, names: List[str]) -> None:
        from amlet.sdk.dataset.notes import Notes
        from amlet.sdk.dataset.reading import read_blocks

        definition = {**self._definition, "steps": [*self._definition.get("steps", []), {"step": "take", "count": 1}]}
        for block in read_blocks(self._sources, definition, Notes()):
            steps.check_columns(names, block.names)
            return

    def _check_times(self, name: str) -> None:
        from amlet.sdk.dataset.notes import Notes
        from amlet.sdk.dataset.reading import read_blocks

        more = [{"step": steps.KEEP, "columns": [name]}, {"step": steps.TAKE, "count": 1}]
        definition = {**self._definition, "steps": [*self._definition.get("steps", []), *more]}
        for block in read_blocks(self._sources, definition, Notes()):
            wrong = [value for value in block.values(name) if value is not None and not isinstance(value, datetime)]
            if wrong:
                raise UserErrorException(
                    f"Column {name!r} holds no times, but such as {wrong[0]!r}.",
                    hint=f"set_column_types={{{name!r}: DataType.to_datetime('%Y-%m-%d')}} reads it as such.",
                )


def _names(columns: Any, call: str) -> List[str]:
    names = [columns] if isinstance(columns, str) else list(columns) if isinstance(columns, (list, tuple)) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise UserErrorException(f"{call}({columns!r}): give the name of a column, or a list of at least one.")
    return names


def check_separator(separator: Any) -> None:
    """
    Raises:
        UserErrorException: it cannot separate fields.
    """
    if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
        raise UserErrorException(f"separator={separator!r} is not one character that can separate fields.")


def _cut(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _rounded(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) + timedelta(seconds=1 if moment.microsecond > 500_000 else 0)
