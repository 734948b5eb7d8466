"""v1's `Dataset`: where datasets are defined and found, and itself a dataset of the first generation."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.sdk.dataset import reading
from amlet.sdk.dataset.abstract_dataset import AbstractDataset
from amlet.sdk.dataset.factories import (
    FRAME_FILE,
    FileDatasetFactory,
    TabularDatasetFactory,
    check_frame,
    delimited_definition,
    refuse_unknown,
    tabular_of,
    write_frame,
)
from amlet.sdk.dataset.first_generation import FirstGeneration, registered
from amlet.sdk.dataset.sources import Sources, read_sources
from amlet.sdk.dataset.tabular_dataset import TabularDataset, check_separator
from amlet.sdk.dataset.type_definitions import (
    FileEncoding,
    PromoteHeadersBehavior,
    SkipLinesBehavior,
    encoding_name,
    skip_name,
)
from amlet.sdk.dataset.upload import target_of, upload_folder
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import warn
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

_PROFILE = "use dataset.to_pandas_dataframe().describe()."
_SNAPSHOT = "use dataset.register(ws, name, exist_ok=True, update_if_exist=True): each version stays."
_GONE = "use dataset.definition.unregister_all_versions()."


class Dataset(FirstGeneration):
    """Defines and finds datasets: `Dataset.Tabular`, `Dataset.File`, `Dataset.get_by_name`.

    An object of this class is a dataset of the first generation, of 2019: what `Dataset.from_delimited_files`,
    `Dataset.get` and their like give.
    """

    Tabular = TabularDatasetFactory
    File = FileDatasetFactory
    get_by_name = staticmethod(AbstractDataset.get_by_name)
    get_by_id = staticmethod(AbstractDataset.get_by_id)
    get_all = staticmethod(AbstractDataset.get_all)

    class Scenario:
        """What a dataset is for."""

        TRAINING = "training"
        VALIDATION = "validation"
        INFERENCING = "inferencing"

    @classmethod
    def get(cls, workspace: Workspace, name: Optional[str] = None, id: Optional[str] = None) -> Dataset:
        """A registered dataset, by its name or its id.

        Raises:
            UserErrorException: there is none, or neither or both are given.
        """
        return cls(registered(workspace, name, id), workspace)

    @classmethod
    def list(cls, workspace: Workspace) -> List[Dataset]:
        """The latest version of every registered dataset."""
        return [cls(held, workspace) for held in AbstractDataset.get_all(workspace).values()]

    @classmethod
    def from_delimited_files(
        cls,
        path: Any,
        separator: str = ",",
        header: Any = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
        encoding: Any = FileEncoding.UTF8,
        quoting: bool = False,
        infer_column_types: bool = True,
        skip_rows: int = 0,
        skip_mode: Any = SkipLinesBehavior.NO_ROWS,
        comment: Optional[str] = None,
        include_path: bool = False,
        archive_options: Any = None,
        partition_format: Optional[str] = None,
        **unknown: Any,
    ) -> Dataset:
        """A table of delimited files.

        Args:
            path: As of `Dataset.Tabular.from_delimited_files`.
            header: A PromoteHeadersBehavior, the name of one, True or False.
            encoding: A FileEncoding, or the name of one.
            quoting: Fields in quotes may hold line breaks.
            skip_rows: How many lines are left out at the start of the files that `skip_mode` tells.
            skip_mode: A SkipLinesBehavior, or the name of one. With NO_ROWS, v1's default, none is left out.
            comment: Lines that begin with it are left out.

        Raises:
            UserErrorException: an argument cannot be right, or the data cannot be read.
            TypeError: there is no such argument.
        """
        refuse_unknown(cls.from_delimited_files, unknown)
        check_separator(separator)
        _refuse_archive(archive_options)
        skips = skip_name(skip_mode)
        if isinstance(skip_rows, bool) or not isinstance(skip_rows, int) or skip_rows < 0:
            raise UserErrorException(f"skip_rows={skip_rows!r} is no number of lines.")
        if comment is not None and (not isinstance(comment, str) or not comment or "\n" in comment):
            raise UserErrorException(f"comment={comment!r} is no text that a line can begin with.")
        if skip_rows and skips == SkipLinesBehavior.NO_ROWS.name:
            warn(f"skip_rows={skip_rows} without skip_mode leaves nothing out; FROM_ALL_FILES is the other mode.")
        definition = delimited_definition(
            separator, header, encoding, infer_column_types=infer_column_types, support_multi_line=quoting
        )
        if skip_rows:
            definition.update(skip_lines=skip_rows, skip_from=skips)
        if comment is not None:
            definition["comment"] = comment
        return cls(tabular_of(path, definition, True, include_path, None, partition_format))

    @classmethod
    def auto_read_files(cls, path: Any, include_path: bool = False, partition_format: Optional[str] = None) -> Dataset:
        """A table of delimited, JSON or Parquet files: of which kind, with which separator and header the beginning of
        the first one tells.

        Raises:
            UserErrorException: it is none of these, or the others are not like the first.
        """
        from amlet.sdk.dataset.detect import definition_of
        from amlet.sdk.dataset.files import list_files, open_file

        sources = read_sources(path)
        first = list_files(sources)[0]
        definition = definition_of(open_file(first, sources.workspace), first.shown)
        return cls(tabular_of(path, definition, True, include_path, None, partition_format))

    @classmethod
    def from_parquet_files(
        cls, path: Any, include_path: bool = False, partition_format: Optional[str] = None
    ) -> Dataset:
        """A table of Parquet files."""
        return cls(TabularDatasetFactory.from_parquet_files(path, True, include_path, None, partition_format))

    @classmethod
    def from_json_files(
        cls,
        path: Any,
        encoding: Any = FileEncoding.UTF8,
        flatten_nested_arrays: bool = False,
        include_path: bool = False,
        partition_format: Optional[str] = None,
    ) -> Dataset:
        """A table of JSON files: an array of objects, one object, or an object a line. Each file is read whole.

        Args:
            flatten_nested_arrays: Each element of an array is a row of its own; else an array is one value.
        """
        definition: Dict[str, Any] = {"reader": reading.JSON, "encoding": encoding_name(encoding)}
        if flatten_nested_arrays:
            definition["flatten_nested_arrays"] = True
        return cls(tabular_of(path, definition, True, include_path, None, partition_format))

    @classmethod
    def from_sql_query(cls, data_source: Any, query: str) -> Dataset:
        """A table of the answer to a query of a database's datastore."""
        return cls(TabularDatasetFactory.from_sql_query((data_source, query)))

    @classmethod
    def from_binary_files(cls, path: Any) -> Dataset:
        """Files of any kind. Their table has one column, `Path`; `definition` is a FileDataset."""
        return cls(FileDatasetFactory.from_files(path))

    @classmethod
    def from_pandas_dataframe(cls, dataframe: Any, path: Any = None, in_memory: bool = False) -> Dataset:
        """A data frame, written as Parquet.

        Args:
            path: A folder of this machine, or (datastore, 'path') and its like. Without it, and with `in_memory`, it is
                a folder that goes with this process.
        """
        check_frame(dataframe)
        if path is None or in_memory:
            place = Path(tempfile.mkdtemp(prefix="amlet-"))
            atexit.register(shutil.rmtree, place, ignore_errors=True)
        elif isinstance(path, (str, Path)):
            place = Path(path).expanduser()
            try:
                place.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UserErrorException(f"path={str(path)!r} is no folder to write to: {error.strerror}.") from error
        else:
            _, workspace = target_of(path)
            with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
                write_frame(dataframe, Path(folder))
                source, _ = upload_folder(Path(folder), path, show_progress=False)
            return cls(_reading_parquet(Sources([source], workspace)))
        write_frame(dataframe, place)
        return cls(_reading_parquet(read_sources(str(place / FRAME_FILE))))

    from_excel_files = RefusedMember("read it with pandas.read_excel, then Dataset.from_pandas_dataframe(frame).")
    to_spark_dataframe = RefusedMember("use to_pandas_dataframe(): amlet starts no Spark.")
    create_snapshot = RefusedMember(_SNAPSHOT)
    get_snapshot = RefusedMember(_SNAPSHOT)
    delete_snapshot = RefusedMember(_SNAPSHOT)
    get_all_snapshots = RefusedMember(_SNAPSHOT)
    generate_profile = RefusedMember(_PROFILE)
    get_profile = RefusedMember(_PROFILE)
    compare_profiles = RefusedMember(_PROFILE)
    diff = RefusedMember("compare the data frames: pandas' DataFrame.compare.")
    deprecate = RefusedMember(_GONE)
    archive = RefusedMember(_GONE)
    reactivate = RefusedMember("register the dataset again.")


def _reading_parquet(sources: Sources) -> TabularDataset:
    return TabularDataset._make(sources, {"reader": reading.PARQUET})  # type: ignore[no-any-return]


def _refuse_archive(archive_options: Any) -> None:
    if archive_options is not None:
        raise UserErrorException(
            "archive_options: amlet reads .gz files as they are, and no other archives.",
            hint="unpack the archive and upload its files.",
        )
