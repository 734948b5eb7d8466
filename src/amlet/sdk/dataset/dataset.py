"""v1's `Dataset`: where datasets are defined and found, and itself a dataset of the first generation."""

from __future__ import annotations

from amlet.sdk.dataset.abstract_dataset import AbstractDataset
from amlet.sdk.dataset.factories import FileDatasetFactory, TabularDatasetFactory
from amlet.sdk.dataset.first_generation import FirstGeneration
from amlet.sdk.refused import RefusedMember

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
