"""How datasets are defined: `Dataset.Tabular` and `Dataset.File` (v1-behaviours 13.1 to 13.3)."""

from __future__ import annotations

import contextlib
import inspect
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

from amlet.base.errors import StorageFailed
from amlet.base.ids import uuid4_text
from amlet.base.names import closest
from amlet.domain.data import TABULAR_DATASET
from amlet.sdk.dataset import reading
from amlet.sdk.dataset.data_type import check_types
from amlet.sdk.dataset.errors import DatasetValidationError, one_line
from amlet.sdk.dataset.file_dataset import FileDataset
from amlet.sdk.dataset.files import list_files, partition_values
from amlet.sdk.dataset.packages import need
from amlet.sdk.dataset.partition_format import parse
from amlet.sdk.dataset.records import check
from amlet.sdk.dataset.sources import Sources, read_sources
from amlet.sdk.dataset.tabular_dataset import TabularDataset, check_separator
from amlet.sdk.dataset.type_definitions import encoding_name, header_name
from amlet.sdk.dataset.upload import target_of, upload_folder
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import RefusedMember

OF_PANDAS = {
    **dict.fromkeys(("sep", "delimiter"), "separator"),
    **dict.fromkeys(("dtype", "parse_dates", "converters"), "set_column_types"),
    "usecols": "keep_columns() of the dataset",
    "nrows": "take() of the dataset",
}
"""Arguments of `pandas.read_csv`, and what they are here."""

FRAME_FILE = "part-00000.parquet"
"""What the file of a data frame is called."""


class TabularDatasetFactory:
    """Tables of files, queries and data frames. `Dataset.Tabular` is this class."""

    register_spark_dataframe = RefusedMember("use register_pandas_dataframe(dataframe.toPandas(), target, name).")
    register_dask_dataframe = RefusedMember("use register_pandas_dataframe(dataframe.compute(), target, name).")

    @staticmethod
    def from_delimited_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Optional[Dict[str, Any]] = None,
        separator: str = ",",
        header: Any = True,
        partition_format: Optional[str] = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: Any = "utf8",
        **unknown: Any,
    ) -> TabularDataset:
        """A table of delimited files.

        Args:
            path: A (datastore, 'path') pair, a DataPath, a DataReference, a URL, a path of this machine, or a list.
            validate: Look at the data now: that it is there, and of which types its columns are.
            include_path: Add a column `Path`.
            infer_column_types: Tell the types of columns from samples; else all is text.
            set_column_types: Types by column, which come before those that are told.
            header: True, False, a PromoteHeadersBehavior or the name of one.
            partition_format: Columns that the paths tell, such as `/{state}/{day:yyyy/MM/dd}/*.csv`.
            support_multi_line: Fields in quotes may hold line breaks.
            empty_as_string: Empty fields are empty texts, not null.

        Raises:
            UserErrorException: an argument cannot be right, or with `validate` the data is not there or cannot be read.
            ValueError: of partition_format.
            TypeError: there is no such argument; those of `pandas.read_csv` are told by their names here.
        """
        refuse_unknown(TabularDatasetFactory.from_delimited_files, unknown)
        check_separator(separator)
        definition = delimited_definition(
            separator,
            header,
            encoding,
            infer_column_types=infer_column_types,
            support_multi_line=support_multi_line,
            empty_as_string=empty_as_string,
        )
        return tabular_of(path, definition, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_json_lines_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Dict[str, Any]] = None,
        partition_format: Optional[str] = None,
        invalid_lines: str = "error",
        encoding: Any = "utf8",
    ) -> TabularDataset:
        """A table of files of JSON, an object a line.

        Args:
            invalid_lines: `error`, or `drop` to leave out lines that are no object.
        """
        if invalid_lines not in ("error", "drop"):
            raise UserErrorException(f"invalid_lines={invalid_lines!r} is neither 'error' nor 'drop'.")
        definition = {
            "reader": reading.JSON_LINES,
            "invalid_lines": invalid_lines,
            "encoding": encoding_name(encoding),
        }
        return tabular_of(path, definition, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_parquet_files(
        path: Any,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Dict[str, Any]] = None,
        partition_format: Optional[str] = None,
    ) -> TabularDataset:
        """A table of Parquet files. The first file tells the columns and their types."""
        return tabular_of(path, {"reader": reading.PARQUET}, validate, include_path, set_column_types, partition_format)

    @staticmethod
    def from_sql_query(
        query: Any,
        validate: bool = True,
        set_column_types: Optional[Dict[str, Any]] = None,
        query_timeout: int = 30,
    ) -> TabularDataset:
        """A table of the answer to a query, asked whenever rows are needed.

        Args:
            query: (datastore, 'select ...') or DataPath(datastore, 'select ...').
            query_timeout: In seconds.
        """
        from amlet.domain.data import DATABASES, DataPath

        if isinstance(query, (tuple, list)) and len(query) == 2:
            store, text = query
        else:
            store, text = getattr(query, "_datastore", None), getattr(query, "path_on_datastore", None)
        if getattr(store, "datastore_type", None) not in DATABASES or not isinstance(text, str) or not text.strip():
            raise UserErrorException(
                f"{query!r} is no query to a database.", hint="give DataPath(datastore, 'select ...')."
            )
        if isinstance(query_timeout, bool) or not isinstance(query_timeout, (int, float)) or query_timeout <= 0:
            raise UserErrorException(f"query_timeout={query_timeout!r} is no number of seconds above 0.")
        definition: Dict[str, Any] = {"reader": reading.SQL, "query_timeout": query_timeout}
        types = check_types(set_column_types)
        if types:
            definition["set_column_types"] = types
        made: TabularDataset = TabularDataset._make(Sources([DataPath(store.name, text)], store.workspace), definition)
        if validate:
            made._check_columns(list(types))
        return made

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Any,
        target: Any,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        show_progress: bool = True,
        row_group_size: Optional[int] = None,
        make_target_path_unique: bool = True,
    ) -> TabularDataset:
        """Write a data frame to a datastore as Parquet, and register it as the next version of a dataset.

        Args:
            target: (datastore, 'path') or DataPath; the file gets a new folder below it.
            make_target_path_unique: False writes into the target itself.
        """
        check_frame(dataframe)
        place, workspace = target_of(target)
        check(workspace, TABULAR_DATASET, place, name, description, tags or {}, create_new_version=True)
        with tempfile.TemporaryDirectory(prefix="amlet-") as folder:
            write_frame(dataframe, Path(folder), row_group_size)
            source, _ = upload_folder(
                Path(folder),
                target,
                own_folder=make_target_path_unique,
                overwrite=not make_target_path_unique,
                show_progress=show_progress,
            )
        made = TabularDataset._make(Sources([source], workspace), {"reader": reading.PARQUET})
        return made.register(workspace, name, description, tags, create_new_version=True)  # type: ignore[no-any-return]


class FileDatasetFactory:
    """Datasets of files. `Dataset.File` is this class."""

    @staticmethod
    def from_files(
        path: Any, validate: bool = True, partition_format: Optional[str] = None, is_file: bool = False
    ) -> FileDataset:
        """Files of datastores, of this machine or behind URLs.

        Args:
            is_file: It is one file: a job gets the path of the file itself, not of a folder.
        """
        sources = read_sources(path)
        definition: Dict[str, Any] = {}
        if partition_format is not None:
            parse(partition_format)
            definition["partition_format"] = partition_format
        if is_file:
            definition["is_file"] = True
        if validate:
            files = list_files(sources)
            if is_file and len(files) != 1:
                raise DatasetValidationError(f"is_file=True, but the path names {len(files)} files.")
            partition_values(files, parse(partition_format) if partition_format is not None else None)
        return FileDataset._make(sources, definition)  # type: ignore[no-any-return]

    @staticmethod
    def upload_directory(
        src_dir: str, target: Any, pattern: Optional[str] = None, overwrite: bool = False, show_progress: bool = True
    ) -> FileDataset:
        """Upload a folder to a datastore, and give the dataset of what is there.

        Args:
            target: (datastore, 'path') or DataPath.
            pattern: Only files whose path below the folder, or name, matches: `*.csv`.
            overwrite: Take the place of files that are there; else they stay.
        """
        folder = Path(src_dir).expanduser()
        if not folder.is_dir():
            raise UserErrorException(f"There is no folder {folder}.")
        source, workspace = upload_folder(
            folder, target, own_folder=False, pattern=pattern, overwrite=overwrite, show_progress=show_progress
        )
        return FileDataset._make(Sources([source], workspace), {})  # type: ignore[no-any-return]


def check_frame(dataframe: Any) -> None:
    """
    Raises:
        UserErrorException: it is no data frame that can be written, or pyarrow, which writes it, is not there.
    """
    need("pyarrow", "A data frame as a dataset")
    if not hasattr(dataframe, "columns") or not hasattr(dataframe, "to_parquet"):
        raise UserErrorException(f"dataframe is no data frame of pandas but a {type(dataframe).__name__}.")
    wrong = [column for column in dataframe.columns if not isinstance(column, str)]
    if wrong:
        raise UserErrorException(
            f"The columns {wrong[:10]!r} have names that are no text.",
            hint="dataframe.columns = dataframe.columns.astype(str)",
        )


def write_frame(dataframe: Any, folder: Path, row_group_size: Optional[int] = None) -> None:
    """Write a data frame to a folder as one Parquet file.

    Raises:
        UserErrorException: a column holds what Parquet cannot.
    """
    arrow, parquet = need("pyarrow", "A data frame as a dataset"), need("pyarrow.parquet", "A data frame as a dataset")
    partial = folder / f".amlet-{uuid4_text()}.part"
    try:
        table = arrow.Table.from_pandas(dataframe, preserve_index=False)
        parquet.write_table(table, str(partial), row_group_size=row_group_size)
        partial.replace(folder / FRAME_FILE)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError, arrow.ArrowNotImplementedError) as error:
        raise UserErrorException(
            f"The data frame cannot be written as Parquet: {one_line(error)}.",
            inner_exception=error,
            hint="a column must hold values of one type: dataframe[column].astype(str) makes it text.",
        ) from error
    except OSError as error:
        raise StorageFailed.from_os_error(error, folder) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def delimited_definition(
    separator: str,
    header: Any,
    encoding: Any,
    *,
    infer_column_types: bool,
    support_multi_line: bool,
    empty_as_string: bool = False,
) -> Dict[str, Any]:
    """What the reader of delimited files goes by."""
    return {
        "reader": reading.DELIMITED,
        "separator": separator,
        "header": header_name(header),
        "encoding": encoding_name(encoding),
        "infer_column_types": bool(infer_column_types),
        "support_multi_line": bool(support_multi_line),
        "empty_as_string": bool(empty_as_string),
    }


def refuse_unknown(call: Callable[..., Any], unknown: Mapping[str, Any]) -> None:
    """
    Raises:
        TypeError: arguments were given that a call does not have; told with what is meant.
    """
    known = list(inspect.signature(call).parameters)
    for name in unknown:
        here = OF_PANDAS.get(name, "")
        near = f"use {here}." if here in known or "()" in here else closest(name, known).strip()
        raise TypeError(f"{call.__name__}() has no argument {name!r}" + (f": {near}" if near else "."))


def tabular_of(
    path: Any,
    definition: Dict[str, Any],
    validate: bool,
    include_path: bool,
    set_column_types: Optional[Dict[str, Any]],
    partition_format: Optional[str],
) -> TabularDataset:
    """The dataset of a reader's definition over a path, which gets the words that all readers know."""
    types = check_types(set_column_types)
    if partition_format is not None:
        parse(partition_format)
        definition["partition_format"] = partition_format
    if include_path:
        definition["include_path"] = True
    if types:
        definition["set_column_types"] = types
    sources = read_sources(path)
    made: TabularDataset = TabularDataset._make(sources, definition)
    if validate:
        found = reading.types_of(sources, definition)
        if found is not None:
            definition["types"] = found
        if definition["reader"] != reading.JSON_LINES:
            made._check_columns(list(types))
        else:
            made._check_columns([])
    return made
