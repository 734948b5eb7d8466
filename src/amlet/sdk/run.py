"""Runs: the record of one execution, to follow, to read and to take models from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from amlet.base.ids import uuid4_text
from amlet.sdk.exceptions import (
    ModelPathNotFoundException,
    RunEnvironmentException,
    as_v1,
)
from amlet.sdk.metric_logging import MetricLogging
from amlet.sdk.notice import given, warn_ignored

if TYPE_CHECKING:
    from amlet.domain import run as records
    from amlet.sdk.connection import Connection
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.model import Model
    from amlet.sdk.resource_configuration import ResourceConfiguration
    from amlet.sdk.workspace import Workspace
    from amlet.wire.runs import RunDetails


class Run(MetricLogging):
    """One execution of an experiment.

    Args:
        experiment: The experiment it belongs to.
        run_id: Its id.

    Raises:
        UserErrorException: if there is no such run.
    """

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        outputs: Optional[str] = None,
        *,
        _record: Optional[records.Run] = None,
        **kwargs: Any,
    ) -> None:
        self._experiment = experiment
        self._run_id = run_id
        self._record = _record
        if _record is None:
            self._load()

    @classmethod
    def get_context(cls, allow_offline: bool = True, used_for_context_manager: bool = False, **kwargs: Any) -> Run:
        """The run that this process belongs to.

        Inside a job: the submitted run, the same object each time, without a call over the network. Elsewhere: a
        local run, whose metrics are kept and can be read back.

        Raises:
            RunEnvironmentException: outside a job, if `allow_offline` is False.
        """
        from amlet.runtime.job import JobContext

        context = JobContext.current()
        if context is not None:
            from amlet.sdk.submitted_run import submitted_run

            return submitted_run(context)
        if not allow_offline:
            raise RunEnvironmentException()
        from amlet.sdk.offline_run import _OfflineRun

        return _OfflineRun()

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """A run of any experiment of a workspace."""
        from amlet.sdk.experiment import Experiment

        held = workspace._connection
        with as_v1():
            record = held.client.runs.get(held.workspace_id, run_id).run
        experiment = Experiment(workspace, record.experiment, _skip_name_validation=True, _create_in_cloud=False)
        return Run(experiment, run_id, _record=record)

    @property
    def experiment(self) -> Experiment:
        """The experiment it belongs to."""
        return self._experiment

    @property
    def id(self) -> str:
        """The id."""
        return self._run_id

    @property
    def number(self) -> Optional[int]:
        """Counts the runs of the experiment, from 1."""
        return self._known.number

    @property
    def name(self) -> str:
        """What the run is called: the display name."""
        return self._known.display_name

    @property
    def display_name(self) -> str:
        """What the run is called; its id unless another name was given."""
        return self._known.display_name

    @property
    def type(self) -> Optional[str]:
        """`azureml.scriptrun` for a submitted script."""
        return self._known.type

    @property
    def status(self) -> str:
        """The status when it was last asked for."""
        return self._known.status

    @property
    def tags(self) -> Dict[str, Optional[str]]:
        """The tags when they were last asked for. A copy."""
        return dict(self._known.tags)

    @property
    def properties(self) -> Dict[str, str]:
        """The properties when they were last asked for. A copy."""
        return dict(self._known.properties)

    def get_tags(self) -> Dict[str, Optional[str]]:
        """The tags now."""
        self._load()
        return self.tags

    def get_properties(self) -> Dict[str, str]:
        """The properties now."""
        self._load()
        return self.properties

    def get_snapshot_id(self) -> Optional[str]:
        """The id of the source folder as it was submitted."""
        return self._known.properties.get("ContentSnapshotId")

    def get_status(self) -> str:
        """The status now."""
        if not self._known.is_over:
            self._load()
        return self.status

    def get_detailed_status(self) -> Dict[str, Optional[str]]:
        """The status now, and why the run waits, if it does."""
        status = self.get_status()
        return {"status": status, "details": self._known.waiting_for}

    def get_details(self) -> Dict[str, Any]:
        """All of the run under v1's keys: status, times, error, warnings, properties, runDefinition, logs."""
        from urllib.parse import urlencode

        from amlet.sdk import run_definition
        from amlet.wire.pages import run_api

        found, held = self._load(), self._connection
        files = held.page(run_api(held.workspace_id, self._run_id)) + "/file?"
        urls = {name: files + urlencode({"path": name}) for name in run_definition.log_names(found)}
        return run_definition.details(found, log_urls=urls)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> Dict[str, Any]:
        """Wait until the run has ended and all that it left - outputs, logs, metrics - is kept.

        Args:
            show_output: Print the run's log while it grows, and a summary.
            raise_on_error: Raise when the run failed.

        Returns:
            What `get_details` gives.

        Raises:
            ActivityFailedException: if the run failed.
            ExperimentExecutionException: on Ctrl-C while output is shown; the run goes on.
        """
        from amlet.sdk.streaming import wait_for_completion

        with as_v1():
            return wait_for_completion(self, show_output=show_output, raise_on_error=raise_on_error)

    def get_metrics(
        self,
        name: Optional[str] = None,
        recursive: bool = False,
        run_type: Optional[str] = None,
        populate: bool = False,
    ) -> Dict[str, Any]:
        """What the run logged, by name: a value, a list of values, or a dict of columns (v1-behaviours 4.5).

        Args:
            name: Only this metric; an unknown one gives {}.
            recursive: Give `{run id: metrics}`, children too.
        """
        from amlet.wire.runs import MetricQuery

        held = self._connection
        self._bring_metrics()
        with as_v1():
            values = dict(held.client.runs.metrics(held.workspace_id, self._run_id, MetricQuery(name)).values)
        if not recursive:
            return values
        return {self._run_id: values} if values else {}

    def get_file_names(self) -> List[str]:
        """The paths of all files of the run: its outputs and its logs."""
        return sorted(file.path for file in self._load().files)

    def download_file(
        self, name: str, output_file_path: Optional[Union[str, Path]] = None, _validate_checksum: bool = False
    ) -> None:
        """Save one file of the run.

        Args:
            name: Its path in the run: `outputs/model.joblib`.
            output_file_path: Where to: a file, or a folder (one that exists, or a path that ends with `/`), which
                gets the file under its own name. Default: its own name, here.

        Raises:
            UserErrorException: if the run has no such file.
        """
        from amlet.client.downloads import download
        from amlet.wire.files import FileQuery

        own_name = name.rpartition("/")[2]
        text = str(output_file_path) if output_file_path is not None else own_name
        target = Path(text)
        if text.endswith("/") or target.is_dir():
            target = target / own_name
        held = self._connection
        with as_v1():
            download(
                lambda offset: held.client.runs.file(held.workspace_id, self._run_id, FileQuery(name, offset)), target
            )

    def register_model(
        self,
        model_name: str,
        model_path: Optional[str] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        model_framework: Optional[str] = None,
        model_framework_version: Optional[str] = None,
        description: Optional[str] = None,
        datasets: Any = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
        **kwargs: Any,
    ) -> Model:
        """Make a model of files of the run: the next version under its name.

        Args:
            model_path: A file of the run, or the folder of several: `outputs/model.joblib`. Default: the model's name.

        Raises:
            ModelPathNotFoundException: if the run has no such file, listing those that it has.
            WebserviceException: for a bad name, framework or resource configuration.
        """
        from amlet.sdk.model import Model
        from amlet.wire.models import RegisterModel

        ignored = given(
            datasets=datasets, sample_input_dataset=sample_input_dataset, sample_output_dataset=sample_output_dataset
        )
        warn_ignored("Run.register_model", [*ignored, *kwargs])
        asked = RegisterModel(
            name=model_name,
            run_id=self._run_id,
            path=model_path if model_path is not None else model_name,
            framework=model_framework,
            framework_version=model_framework_version,
            description=description,
            tags=dict(tags or {}),
            properties=dict(properties or {}),
            resources=resource_configuration._to_resources() if resource_configuration else None,
            request_id=uuid4_text(),
        )
        Model._check_registration(asked)
        self._hand_in_outputs()
        return Model._register(self.experiment.workspace, asked, {}, missing=ModelPathNotFoundException)

    def cancel(self) -> None:
        """End the run: its processes get SIGTERM, and SIGKILL after a grace time. A run that is over stays as it is."""
        held = self._connection
        with as_v1():
            self._record = held.client.runs.cancel(held.workspace_id, self._run_id)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Bring what this process logged to the server."""
        self._bring_metrics()

    def complete(self, _set_status: bool = True) -> None:
        """Bring what this process logged to the server. A submitted run ends with its script, not with this call."""
        self.flush()

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """Tell an error in the run's log. A submitted run ends with its script, not with this call.

        Args:
            error_details: A text or an exception.
            error_code: `UserError` unless said.
        """
        if error_details is not None and not isinstance(error_details, (str, BaseException)):
            raise TypeError(f"error_details must be a str or an exception, not {type(error_details).__name__}")
        raise RunEnvironmentException(
            f"fail() is for the process of the run; this one only looks at {self._run_id}.",
            hint="run.cancel() ends it from here.",
        )

    def get_portal_url(self) -> str:
        """The address of the run's page."""
        from amlet.wire.pages import run_page

        held = self._connection
        return held.page(run_page(held.workspace_id, self._experiment.name, self._run_id))

    def __enter__(self) -> Run:
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> None:
        if exit_type is None or (exit_type is SystemExit and value.code in (0, None)):
            self.complete()
        else:
            self.fail(value)

    def __str__(self) -> str:
        return (
            f"Run(Experiment: {self._experiment.name},\nId: {self._run_id},\nType: {self.type},\nStatus: {self.status})"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        heads = ("Experiment", "Id", "Type", "Status", "Details Page", "Docs Page")
        url = escape(self.get_portal_url(), quote=True)
        cells = [escape(str(text)) for text in (self._experiment.name, self._run_id, self.type, self.status)]
        cells += [f'<a href="{url}" target="_blank" rel="noopener">Link to amlet studio</a>', ""]
        return (
            "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr><tr>"
            "" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr></table>"
        )

    @property
    def _connection(self) -> Connection:
        return self._experiment.workspace._connection

    @property
    def _known(self) -> records.Run:
        """The record as it was last read."""
        if self._record is None:
            self._load()
        assert self._record is not None
        return self._record

    def _load(self) -> RunDetails:
        held = self._connection
        with as_v1():
            found: RunDetails = held.client.runs.get(held.workspace_id, self._run_id)
        self._record = found.run
        return found

    def _append(self, name: str, kind: str, value: Any, step: Optional[int]) -> None:
        raise RunEnvironmentException(
            f"{name!r} was not logged: run {self._run_id} logs from its own process, and this one only looks at it.",
            hint="log in the script, with Run.get_context().log(...).",
        )

    def _bring_metrics(self) -> None:
        """Only the run's own process has metrics that the server may lack."""

    def _hand_in_outputs(self) -> None:
        """Only the run's own process has outputs that the server may lack."""


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """A run of an experiment, by its id."""
    return Run(experiment, run_id)
