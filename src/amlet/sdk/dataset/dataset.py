"""v1's `Dataset`: where datasets are defined and found. Its first generation of datasets is refused by name."""

from __future__ import annotations

from typing import Any

from amlet.sdk.dataset.abstract_dataset import AbstractDataset
from amlet.sdk.dataset.factories import FileDatasetFactory, TabularDatasetFactory
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import RefusedMember

_TABULAR = "use Dataset.Tabular: from_delimited_files, from_parquet_files, from_json_lines_files, from_sql_query."
_FILE = "use Dataset.File.from_files(path)."
_NEW = "use Dataset.Tabular or Dataset.File, and register(...) with create_new_version=True."
_PROFILE = "use dataset.to_pandas_dataframe().describe()."
_LIST = "use ws.datasets, Dataset.get_by_name(ws, name) or Dataset.get_all(ws)."


class Dataset:
    """Defines and finds datasets: `Dataset.Tabular`, `Dataset.File`, `Dataset.get_by_name`."""

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

    def __init__(self, definition: Any, workspace: Any = None, name: Any = None, id: Any = None) -> None:
        raise UserErrorException("A Dataset is not made by itself.", hint=_TABULAR)

    get = RefusedMember(_LIST)
    list = RefusedMember(_LIST)
    auto_read_files = RefusedMember(_TABULAR)
    from_delimited_files = RefusedMember(_TABULAR)
    from_parquet_files = RefusedMember(_TABULAR)
    from_json_files = RefusedMember("use Dataset.Tabular.from_json_lines_files(path).")
    from_excel_files = RefusedMember("read it with pandas.read_excel, then Dataset.Tabular.register_pandas_dataframe.")
    from_sql_query = RefusedMember("use Dataset.Tabular.from_sql_query(DataPath(datastore, query)).")
    from_pandas_dataframe = RefusedMember("use Dataset.Tabular.register_pandas_dataframe(frame, target, name).")
    from_binary_files = RefusedMember(_FILE)
    name = RefusedMember(_NEW, is_property=True)
    workspace = RefusedMember(_NEW, is_property=True)
    id = RefusedMember(_NEW, is_property=True)
    definition = RefusedMember(_NEW, is_property=True)
    definition_version = RefusedMember(_NEW, is_property=True)
    is_visible = RefusedMember(_NEW, is_property=True)
    tags = RefusedMember(_NEW, is_property=True)
    description = RefusedMember(_NEW, is_property=True)
    state = RefusedMember(_NEW, is_property=True)
    get_definitions = RefusedMember(_NEW)
    get_definition = RefusedMember(_NEW)
    register = RefusedMember(_NEW)
    update = RefusedMember(_NEW)
    update_definition = RefusedMember(_NEW)
    to_pandas_dataframe = RefusedMember(_TABULAR)
    to_spark_dataframe = RefusedMember(_TABULAR)
    head = RefusedMember("use dataset.take(count).to_pandas_dataframe().")
    sample = RefusedMember("use dataset.take_sample(probability, seed).")
    create_snapshot = RefusedMember(_NEW)
    get_snapshot = RefusedMember(_NEW)
    delete_snapshot = RefusedMember(_NEW)
    get_all_snapshots = RefusedMember(_NEW)
    generate_profile = RefusedMember(_PROFILE)
    get_profile = RefusedMember(_PROFILE)
    compare_profiles = RefusedMember(_PROFILE)
    diff = RefusedMember(_PROFILE)
    deprecate = RefusedMember("use dataset.unregister_all_versions().")
    archive = RefusedMember("use dataset.unregister_all_versions().")
    reactivate = RefusedMember("register the dataset again.")
    __getitem__ = RefusedMember(_TABULAR)
