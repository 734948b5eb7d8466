"""What a configuration says of a job's data: in its arguments, and in the sections of its run configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

from amlet.domain import data
from amlet.domain.data import DataPath, JobInput, JobOutput
from amlet.sdk.data_reference import DataReference
from amlet.sdk.dataset_consumption_config import DatasetConsumptionConfig
from amlet.sdk.exceptions import as_v1
from amlet.sdk.output_dataset_config import DEFAULT_PATH, OutputDatasetConfig
from amlet.sdk.runconfig_data import Data, DataReferenceConfiguration, OutputData

if TYPE_CHECKING:
    from amlet.domain.run import Run
    from amlet.sdk.runconfig import RunConfiguration
    from amlet.sdk.workspace import Workspace

INSTEAD = (
    "use dataset.as_named_input(name), with .as_mount() or .as_download() where the script wants a path; "
    "for what it writes OutputFileDatasetConfig()."
)


class DataFault(NamedTuple):
    """One thing that is wrong, and where."""

    path: str
    message: str
    hint: Optional[str] = None


class JobData:
    """The data of one configuration, gathered before anything is sent."""

    def __init__(self) -> None:
        self.faults: List[DataFault] = []
        self._consumed: Dict[str, DatasetConsumptionConfig] = {}
        self._outputs: Dict[str, OutputDatasetConfig] = {}
        self._inputs: Dict[str, JobInput] = {}
        self._written: Dict[str, JobOutput] = {}

    def text_of(self, value: Any, where: str) -> Optional[str]:
        """What stands for an argument until the node has its path; None for what is no data."""
        if isinstance(value, DatasetConsumptionConfig):
            self._consume(value, where)
            return value.arg_val
        if isinstance(value, OutputDatasetConfig):
            self._write(value, where)
            return value.arg_val
        if isinstance(value, DataReference):
            self._refer(value.data_reference_name, value.to_config(), where)
            return str(value)
        if hasattr(value, "_to_record") or isinstance(value, (Data, OutputData)):
            self.faults.append(DataFault(where, f"is a bare {type(value).__name__}: it has no name", INSTEAD))
            return ""
        return None

    def shell_text_of(self, value: Any, where: str) -> Optional[str]:
        """The same within a shell's line, which fills in the variable by itself."""
        if self.text_of(value, where) is None:
            return None
        return str(value) if isinstance(value, DataReference) else f"${getattr(value, 'name', '')}"

    def take_sections(self, settings: RunConfiguration) -> None:
        """Take `data_references`, `data` and `output_data`."""
        for name, reference in settings.data_references.items():
            if isinstance(reference, DataReferenceConfiguration):
                self._refer(name, reference, f"data_references.{name}")
        for name, found in settings.data.items():
            if isinstance(found, Data):
                self._take_data(name, found)
        for name, output in settings.output_data.items():
            if isinstance(output, OutputData):
                self._take_output(name, output)

    def to_inputs(self, workspace: Workspace) -> List[JobInput]:
        """The inputs for the server. Datasets that it does not know yet are recorded there."""
        found = list(self._inputs.values())
        with as_v1():
            for name, config in self._consumed.items():
                dataset = config.dataset
                record = dataset._to_record(workspace)
                is_file = bool(getattr(dataset, "_is_file", False))
                found.append(JobInput(name, config.mode, [], record.id, config.path_on_compute, is_file=is_file))
        return found

    def to_outputs(self) -> List[JobOutput]:
        """The outputs for the server."""
        return [*self._written.values(), *(output._to_output() for output in self._outputs.values())]

    def note_run(self, run: Run) -> None:
        """Let the outputs know their run, so that they can be another's input."""
        for output in self._outputs.values():
            made = output._to_output()
            path = made.destination.path.replace("{run-id}", run.id).replace("{output-name}", made.name)
            output._produced.run_id = run.id
            output._produced.destination = DataPath(made.destination.datastore, data.clean_path(path))

    def _consume(self, config: DatasetConsumptionConfig, where: str) -> None:
        held = self._consumed.get(config.name)
        same = held is None or (held.dataset is config.dataset and held.mode == config.mode)
        if not same or config.name in self._outputs:
            self.faults.append(DataFault(where, f"there are two inputs or outputs called {config.name!r}"))
        self._consumed[config.name] = config

    def _write(self, config: OutputDatasetConfig, where: str) -> None:
        held = self._outputs.get(config.name)
        if (held is not None and held._produced is not config._produced) or config.name in self._consumed:
            self.faults.append(DataFault(where, f"there are two inputs or outputs called {config.name!r}"))
        self._outputs[config.name] = config

    def _refer(self, name: str, config: DataReferenceConfiguration, where: str) -> None:
        if not config.data_store_name:
            self.faults.append(DataFault(where, "names no datastore"))
            return
        source = DataPath(config.data_store_name, data.clean_path(config.path_on_data_store or ""))
        if config.mode == data.UPLOAD:
            if not config.path_on_compute:
                said = "is uploaded and says not from where: path_on_compute is missing"
                self.faults.append(DataFault(where, said, "use as_upload(path_on_compute='folder')."))
                return
            self._written[name] = JobOutput(
                name, data.UPLOAD, source, config.path_on_compute, config.overwrite, is_reference=True
            )
        elif config.mode in data.INPUT_MODES:
            self._inputs["ref:" + name] = JobInput(
                name, config.mode, [source], None, config.path_on_compute, is_reference=True
            )
        else:
            self.faults.append(DataFault(where, f"has the mode {config.mode!r}: it is mount, download or upload"))

    def _take_data(self, name: str, found: Data) -> None:
        where = f"data.{name}"
        place = found.data_location
        variable = found.environment_variable_name or name
        mode = (found.mechanism or data.DIRECT).lower()
        if mode not in data.INPUT_MODES:
            self.faults.append(DataFault(where, f"has the mechanism {mode!r}: it is direct, mount or download"))
        elif place is not None and place.dataset is not None and place.dataset.id:
            self._inputs[variable] = JobInput(variable, mode, [], place.dataset.id, found.path_on_compute)
        elif place is not None and place.data_path is not None and place.data_path.datastore_name:
            source = DataPath(place.data_path.datastore_name, data.clean_path(place.data_path.relative_path or ""))
            self._inputs[variable] = JobInput(variable, mode, [source], None, found.path_on_compute)
        else:
            self.faults.append(DataFault(where, "has neither a dataset's id nor a path on a datastore", INSTEAD))

    def _take_output(self, name: str, found: OutputData) -> None:
        where = f"output_data.{name}"
        mode = (found.mechanism or data.MOUNT).lower()
        if mode not in data.OUTPUT_MODES:
            self.faults.append(DataFault(where, f"has the mechanism {mode!r}: it is mount or upload"))
            return
        place = found.output_location.data_path if found.output_location is not None else None
        destination = DataPath(
            place.datastore_name if place is not None and place.datastore_name else data.WORKSPACE_BLOB_STORE,
            data.clean_path(place.relative_path) if place is not None and place.relative_path else DEFAULT_PATH,
        )
        options = found.additional_options
        upload = options.upload_options if options is not None else None
        told = options.registration_options if options is not None else None
        self._written[name] = JobOutput(
            name,
            mode,
            destination,
            options.path_on_compute if options is not None else None,
            bool(upload is not None and upload.overwrite),
            list(upload.source_globs.patterns or []) if upload is not None and upload.source_globs is not None else [],
            data.OutputRegistration(told.name, told.description, dict(told.tags or {}))
            if told is not None and told.name
            else None,
        )
