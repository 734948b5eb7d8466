"""Sections of a run configuration about data; `job_data.py` makes a job's inputs and outputs of them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from amlet.sdk.config_element import ConfigElement, Field, section
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import RefusedMember

DATA_REFERENCE_MODES = ["mount", "download", "upload"]
DELIVERY_MECHANISMS = ["direct", "mount", "download", "upload"]
NO_CACHES = "nodes keep what they fetch by themselves: use dataset.as_named_input(name).as_mount()."


class DataReferenceConfiguration(ConfigElement):
    """A folder or file on a datastore that a job gets."""

    _FIELDS = {
        "data_store_name": Field("text", "The datastore."),
        "mode": Field("text", "mount, download or upload."),
        "path_on_data_store": Field("text", "The path on it."),
        "path_on_compute": Field("text", "The path in the job."),
        "overwrite": Field("flag", "Whether files that exist are overwritten."),
    }

    def __init__(
        self,
        datastore_name: Optional[str] = None,
        mode: str = "mount",
        path_on_datastore: Optional[str] = None,
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        self.data_store_name = datastore_name
        self.path_on_data_store = path_on_datastore
        self.mode = mode.lower()
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self._close()


class DataPath(ConfigElement):
    """A path on a datastore."""

    _FIELDS = {
        "datastore_name": Field("text", "The datastore."),
        "relative_path": Field("text", "The path on it."),
    }

    def __init__(self, datastore_name: Optional[str] = None, relative_path: Optional[str] = None) -> None:
        self.datastore_name = datastore_name
        self.relative_path = relative_path
        self._close()


class Dataset(ConfigElement):
    """A dataset, by its id or its name and version."""

    _FIELDS = {
        "id": Field("text", "Its id."),
        "name": Field("text", "Its name."),
        "version": Field("any", "Its version."),
    }

    def __init__(
        self, dataset_id: Optional[str] = None, dataset_name: Optional[str] = None, dataset_version: Any = None
    ) -> None:
        self.id = dataset_id
        self.name = dataset_name
        self.version = dataset_version
        self._close()


class Uri(ConfigElement):
    """An address of data."""

    _FIELDS = {"path": Field("text", "The address."), "is_file": Field("flag", "Whether it is one file.")}

    def __init__(self, path: Optional[str] = None, is_file: bool = False) -> None:
        self.path = path
        self.is_file = is_file
        self._close()


class DataLocation(ConfigElement):
    """Where data is: a dataset, a path on a datastore or an address."""

    _FIELDS = {
        "dataset": section(Dataset, optional=True),
        "data_path": section(DataPath, optional=True),
        "uri": section(Uri, optional=True),
    }

    def __init__(
        self, dataset: Optional[Dataset] = None, data_path: Optional[DataPath] = None, uri: Optional[Uri] = None
    ) -> None:
        self.dataset = dataset
        self.data_path = data_path
        self.uri = uri
        self._close()


class Data(ConfigElement):
    """Data that a job gets."""

    _FIELDS = {
        "data_location": section(DataLocation, optional=True),
        "mechanism": Field("text", "direct, mount, download or upload."),
        "environment_variable_name": Field("text", "The variable that holds its path."),
        "path_on_compute": Field("text", "The path in the job."),
        "overwrite": Field("flag", "Whether files that exist are overwritten."),
        "create_output_directories": Field("any", "Whether folders for outputs are made."),
        "options": Field("mapping", "More settings."),
    }

    def __init__(
        self,
        data_location: Optional[DataLocation] = None,
        create_output_directories: Optional[bool] = None,
        mechanism: str = "direct",
        environment_variable_name: Optional[str] = None,
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
        options: Optional[Dict[str, str]] = None,
    ) -> None:
        self.data_location = data_location
        self.create_output_directories = create_output_directories
        self.mechanism = mechanism
        self.environment_variable_name = environment_variable_name
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self.options = options
        self._close()

    @staticmethod
    def create(data: Any) -> Data:
        """Of a dataset under a name: `Data.create(dataset.as_named_input("iris"))`."""
        from amlet.sdk.dataset_consumption_config import DatasetConsumptionConfig

        if not isinstance(data, DatasetConsumptionConfig):
            raise UserErrorException(
                f"A {type(data).__name__} has no name to be asked for by.", hint="use dataset.as_named_input(name)."
            )
        dataset_id = getattr(data.dataset, "id", None)
        if not dataset_id:
            raise UserErrorException(
                "The dataset has no id yet.", hint="register it first: dataset.register(ws, name)."
            )
        place = DataLocation(Dataset(dataset_id))
        return Data(
            place, mechanism=data.mode, environment_variable_name=data.name, path_on_compute=data.path_on_compute
        )


class DatacacheConfiguration(ConfigElement):
    """A cache of data that a job gets."""

    create = RefusedMember(NO_CACHES)
    _FIELDS = {
        "dataset_id": Field("text"),
        "datacache_store": Field("text"),
        "datacache_id": Field("text"),
        "mode": Field("text", "mount or download."),
        "path_on_compute": Field("text", "The path in the job."),
        "replica": Field("any"),
        "failure_fallback": Field("flag", "Whether the data itself is read when the cache fails."),
    }

    def __init__(
        self,
        dataset_id: Optional[str] = None,
        datacache_store: Optional[str] = None,
        datacache_id: Optional[str] = None,
        mode: str = "mount",
        path_on_compute: Optional[str] = None,
        replica: Any = None,
        failure_fallback: bool = False,
    ) -> None:
        self.dataset_id = dataset_id
        self.datacache_store = datacache_store
        self.datacache_id = datacache_id
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.replica = replica
        self.failure_fallback = failure_fallback
        self._close()


class DatasetRegistrationOptions(ConfigElement):
    """What is done with an output before it is registered."""

    _FIELDS = {"additional_transformation": Field("any")}

    def __init__(self, additional_transformations: Any = None) -> None:
        self.additional_transformation = additional_transformations
        self._close()


class RegistrationOptions(ConfigElement):
    """How an output is registered as a dataset."""

    _FIELDS = {
        "name": Field("text"),
        "description": Field("text"),
        "tags": Field("mapping"),
        "dataset_registration_options": section(DatasetRegistrationOptions, optional=True),
    }

    def __init__(
        self,
        name: Optional[str] = None,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        dataset_registration_options: Optional[DatasetRegistrationOptions] = None,
    ) -> None:
        self.name = name
        self.description = description
        self.tags = tags
        self.dataset_registration_options = dataset_registration_options
        self._close()


class GlobsOptions(ConfigElement):
    """Which files are uploaded."""

    _FIELDS = {"patterns": Field("list")}

    def __init__(self, patterns: Optional[List[str]] = None) -> None:
        self.patterns = patterns
        self._close()


class UploadOptions(ConfigElement):
    """How an output is uploaded."""

    _FIELDS = {"overwrite": Field("flag"), "source_globs": section(GlobsOptions, optional=True)}

    def __init__(self, overwrite: bool = False, source_globs: Optional[GlobsOptions] = None) -> None:
        self.overwrite = overwrite
        self.source_globs = source_globs
        self._close()


class MountOptions(ConfigElement):
    """How an output is mounted."""

    _FIELDS = {"disable_metadata_cache": Field("flag")}

    def __init__(self, disable_metadata_cache: bool = False) -> None:
        self.disable_metadata_cache = disable_metadata_cache
        self._close()


class OutputOptions(ConfigElement):
    """How an output is brought away."""

    _FIELDS = {
        "path_on_compute": Field("text", "The path in the job."),
        "registration_options": section(RegistrationOptions, optional=True),
        "upload_options": section(UploadOptions, optional=True),
        "mount_options": section(MountOptions, optional=True),
    }

    def __init__(
        self,
        path_on_compute: Optional[str] = None,
        registration_options: Optional[RegistrationOptions] = None,
        upload_options: Optional[UploadOptions] = None,
        mount_options: Optional[MountOptions] = None,
    ) -> None:
        self.path_on_compute = path_on_compute
        self.registration_options = registration_options
        self.upload_options = upload_options
        self.mount_options = mount_options
        self._close()


class OutputData(ConfigElement):
    """Data that a job writes."""

    _FIELDS = {
        "output_location": section(DataLocation, optional=True),
        "mechanism": Field("text", "mount or upload."),
        "additional_options": section(OutputOptions, optional=True),
    }

    def __init__(
        self,
        output_location: Optional[DataLocation] = None,
        mechanism: str = "mount",
        additional_options: Optional[OutputOptions] = None,
    ) -> None:
        self.output_location = output_location
        self.mechanism = mechanism
        self.additional_options = additional_options
        self._close()
