"""Runs: the record of one execution, to log to, to follow, to read and to take models from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Union

from amlet.base.ids import uuid4_text
from amlet.domain.run import CANCELED, COMPLETED, FAILED, SCRIPT_RUN
from amlet.domain.sweep import HYPERDRIVE
from amlet.sdk.exceptions import (
    ModelPathNotFoundException,
    RunEnvironmentException,
    as_v1,
)
from amlet.sdk.metric_logging import MetricLogging
from amlet.sdk.notice import warn, warn_ignored
from amlet.sdk.refused import RefusedMember
from amlet.sdk.run_base import PAGE, pages
from amlet.sdk.run_files import RunFiles
from amlet.sdk.run_marks import RunMarks
from amlet.sdk.run_snapshots import RunSnapshots
from amlet.sdk.run_tree import RunTree

if TYPE_CHECKING:
    from threading import Thread

    from amlet.domain import run as records
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.interactive import Own
    from amlet.sdk.model import Model
    from amlet.sdk.output_tee import OutputTee
    from amlet.sdk.recording import Recorder
    from amlet.sdk.resource_configuration import ResourceConfiguration
    from amlet.sdk.workspace import Workspace
    from amlet.wire.runs import RunDetails

RUNNING_STATES = [
    "NotStarted",
    "Queued",
    "Preparing",
    "Provisioning",
    "Starting",
    "Running",
    "Unapproved",
    "NotResponding",
    "Pausing",
    "Paused",
]
"""v1-behaviours 2.4."""

POST_PROCESSING_STATES = ["CancelRequested", "Finalizing"]


class Run(MetricLogging, RunMarks, RunFiles, RunTree, RunSnapshots):
    """One execution of an experiment.

    Args:
        experiment: The experiment it belongs to.
        run_id: Its id.

    Raises:
        UserErrorException: if there is no such run.
    """

    _facts: Optional[Thread] = None
    _tee: Optional[OutputTee] = None
    _folder_before: Optional[str] = None

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
        local run, which is kept on this machine; `amlet sync` brings it to a server.

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

    @classmethod
    def get_submitted_run(cls, **kwargs: Any) -> Run:
        """The older name of `get_context`."""
        return cls.get_context(**kwargs)

    @staticmethod
    def get(workspace: Workspace, run_id: str) -> Run:
        """A run of any experiment of a workspace."""
        held = workspace._connection
        with as_v1():
            record = held.client.runs.get(held.workspace_id, run_id).run
        return Run._of_record(workspace, record)

    @staticmethod
    def list(
        experiment: Experiment,
        type: Optional[str] = None,
        tags: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        properties: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        status: Optional[Union[str, Sequence[str]]] = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Iterator[Run]:
        """The runs of an experiment, newest first, fetched page by page; see `Experiment.get_runs`.

        Args:
            status: Only runs of this status, or of one of these.
        """
        from amlet.sdk.filters import chosen_marks
        from amlet.wire.runs import RunQuery

        chosen = chosen_marks(tags=tags, properties=properties, type=type, status=status)
        query = RunQuery(experiment.name, limit=PAGE, recursive=include_children, **chosen)
        workspace = experiment.workspace
        for record in pages(workspace._connection, query):
            yield Run._of_record(workspace, record, like=experiment)

    @staticmethod
    def list_by_compute(
        compute: Any,
        type: Optional[str] = None,
        tags: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        properties: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        status: Optional[Union[str, Sequence[str]]] = None,
    ) -> Iterator[Run]:
        """The runs that a compute target had or has, newest first."""
        from amlet.sdk.filters import chosen_marks, quoted
        from amlet.wire.runs import RunQuery

        chosen = chosen_marks(tags=tags, properties=properties, type=type, status=status)
        workspace, here = compute.workspace, f"target = {quoted(compute.name)}"
        chosen["filter"] = f"{here} and {chosen['filter']}" if "filter" in chosen else here
        for record in pages(workspace._connection, RunQuery(limit=PAGE, recursive=True, **chosen)):
            yield Run._of_record(workspace, record)

    add_type_provider = RefusedMember("use run.type: every run here is a Run, whatever made it.")

    def get_secret(self, name: str) -> str:
        """A secret of the workspace.

        Raises:
            UserErrorException: there is none of that name.
        """
        return self.experiment.workspace.get_default_keyvault().get_secret(name)

    def get_secrets(self, secrets: Sequence[str]) -> Dict[str, Optional[str]]:
        """Secrets of the workspace by name; None for one that is not there."""
        return self.experiment.workspace.get_default_keyvault().get_secrets(secrets)

    @property
    def status(self) -> str:
        """The status when it was last asked for."""
        return self._known.status

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
        return self._details(self._load())

    def _details(self, found: RunDetails) -> Dict[str, Any]:
        from urllib.parse import urlencode

        from amlet.sdk import run_definition
        from amlet.wire.pages import run_api

        held = self._connection
        files = held.page(run_api(held.workspace_id, self._run_id)) + "/file?"
        urls = {name: files + urlencode({"path": name}) for name in run_definition.log_names(found)}
        return run_definition.details(found, log_urls=urls)

    def get_details_with_logs(self) -> Dict[str, Any]:
        """`get_details` with the logs' texts in place of their addresses."""
        details = self.get_details()
        details["logFiles"] = {
            name: self._read_file(name).decode("utf-8", "replace") for name in details.get("logFiles", {})
        }
        return details

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
            RunEnvironmentException: in the run's own process, which would wait for itself.
        """
        from amlet.sdk.streaming import wait_for_completion

        own = self._own
        if own is not None and not own.recorder.over:
            raise RunEnvironmentException(
                f"Run {self._run_id} is this very process: waiting for it would never end.",
                hint="run.complete() ends it.",
            )
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
            recursive: Give `{run id: metrics}`, of all children too; runs without metrics are left out.
            run_type: With `recursive`: only runs of this type.
            populate: Images, confusion matrices and their like as objects with their content, not as addresses.
        """
        self._bring_metrics()
        if not recursive:
            return self._metrics(name, populate=populate)
        family: List[Run] = [self, *self.get_children(recursive=True)]
        told = {
            run.id: run._metrics(name, populate=populate) for run in family if run_type is None or run.type == run_type
        }
        return {run_id: values for run_id, values in told.items() if values}

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
        from amlet.sdk.model_links import dataset_uses, sample_id, user_name
        from amlet.sdk.model_registration import check_registration, register
        from amlet.wire.models import RegisterModel

        warn_ignored("Run.register_model", list(kwargs))
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
            datasets=dataset_uses(datasets),
            sample_input=sample_id("sample_input_dataset", sample_input_dataset),
            sample_output=sample_id("sample_output_dataset", sample_output_dataset),
            by=user_name(),
        )
        check_registration(asked)
        self._hand_in_outputs(str(asked.path))
        return register(self.experiment.workspace, asked, {}, missing=ModelPathNotFoundException)

    def start(self) -> None:
        """Nothing to do: a run here has begun when it is there. Accepted as in v1."""
        self._load()

    def clean(self) -> List[str]:
        """Nothing to remove: a job's folder goes with its end. Accepted as in v1."""
        return []

    def cancel(self) -> None:
        """End the run: its processes get SIGTERM, and SIGKILL after a grace time. A run that is over stays as it is."""
        own = self._own
        if own is not None:
            self._record = own.end(CANCELED)
            return
        held = self._connection
        with as_v1():
            self._record = held.client.runs.cancel(held.workspace_id, self._run_id)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Bring what this process logged to the server. What cannot be brought now follows later."""
        from amlet.base.errors import AmletError

        try:
            self._bring_metrics()
        except AmletError as error:
            warn(f"what was logged is kept and follows later: {error.message}")

    def complete(self, _set_status: bool = True) -> None:
        """End the run well: what was logged and written to its outputs is brought first.

        Raises:
            UserErrorException: for a submitted run seen from outside, which ends with its script.
        """
        self._end(COMPLETED, None)

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """End the run as failed: what was logged and written to its outputs is brought first.

        Args:
            error_details: A text or an exception.
            error_code: `UserError` unless said.

        Raises:
            TypeError: for other details.
        """
        from amlet.sdk.run_errors import error_of

        self._end(FAILED, error_of(error_details, error_code))

    def get_portal_url(self) -> str:
        """The address of the run's page."""
        from amlet.wire.pages import run_page

        held = self._connection
        return held.page(run_page(held.workspace_id, self.experiment.name, self._run_id))

    @classmethod
    def get_docs_url(cls) -> str:
        """Where v1's documentation of this class is."""
        return "https://learn.microsoft.com/python/api/azureml-core/azureml.core.run.run"

    def __enter__(self) -> Run:
        import os
        import time

        own = self._own
        if own is not None:
            from amlet.sdk.output_tee import OutputTee

            self._folder_before = os.getcwd()  # noqa: PTH109
            own.since = time.time() - 1.0
            self._tee = OutputTee()
            self._tee.begin()
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> Optional[bool]:
        """End the run as its block ended. `sys.exit(0)` is a good end, and goes no further (v1-behaviours 7.3)."""
        left_well = exit_type is SystemExit and value.code in (0, None)
        own = self._own
        if own is not None and self._tee is not None:
            self._leave_block(own, self._tee)
        if exit_type is None or left_well:
            self.complete()
        else:
            self.fail(value if isinstance(value, BaseException) else None)
        return True if left_well and own is not None else None

    def __str__(self) -> str:
        return (
            f"Run(Experiment: {self._experiment.name},\nId: {self._run_id},\nType: {self.type},\nStatus: {self.status})"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        heads = ("Experiment", "Id", "Type", "Status", "Details Page", "Docs Page")
        url, docs = escape(self.get_portal_url(), quote=True), escape(self.get_docs_url(), quote=True)
        cells = [escape(str(text)) for text in (self._experiment.name, self._run_id, self.type, self.status)]
        cells += [
            f'<a href="{url}" target="_blank" rel="noopener">Link to amlet studio</a>',
            f'<a href="{docs}" target="_blank" rel="noopener">Link to Documentation</a>',
        ]
        return (
            "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr><tr>"
            "" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr></table>"
        )

    @classmethod
    def _of_record(cls, workspace: Workspace, record: records.Run, *, like: Optional[Experiment] = None) -> Run:
        """The run of a record, of `like` if it is that experiment's."""
        from amlet.sdk.experiment import Experiment

        if like is None or like.name != record.experiment:
            like = Experiment(workspace, record.experiment, _skip_name_validation=True, _create_in_cloud=False)
        if record.type == HYPERDRIVE:
            from amlet.sdk.hyperdrive.run import HyperDriveRun

            return HyperDriveRun(like, record.id, _record=record)
        if record.type == SCRIPT_RUN:
            from amlet.sdk.script_run import ScriptRun

            return ScriptRun(like, record.id, _record=record)
        return Run(like, record.id, _record=record)

    def _metrics(self, name: Optional[str], *, populate: bool) -> Dict[str, Any]:
        values = self._read_metrics(name)
        if not populate:
            return values
        from amlet.sdk.artifact_metrics import populated

        return populated(values, self._fetch)

    def _fetch(self, run_id: str, path: str) -> bytes:
        if run_id == self._run_id:
            return self._read_file(path)
        return Run.get(self.experiment.workspace, run_id)._read_file(path)

    def _append(self, name: str, kind: str, value: Any, step: Optional[int]) -> None:
        recorder = self._recorder
        if recorder is None or recorder.over:
            recorder = self._open_recorder()
        recorder.journal.append(name, kind, value, step)

    def _keep_file(self, path: str, content: bytes) -> None:
        recorder = self._recorder
        if recorder is None or recorder.over:
            recorder = self._open_recorder()
        recorder.keep_file(path, content)

    def _open_recorder(self) -> Recorder:
        from amlet.sdk.guest import recorder_of

        self._recorder = recorder_of(self)
        return self._recorder

    def _end(self, outcome: str, error: Optional[records.RunError]) -> None:
        own = self._own
        if own is not None:
            self._record = own.end(outcome, error)
            return
        from amlet.sdk.interactive import end_from_outside

        self._bring_metrics()
        self._record = end_from_outside(self, outcome, error)

    def _leave_block(self, own: Own, tee: OutputTee) -> None:
        import contextlib
        import os

        kept, self._tee = tee.end(), None
        own.logs = tee.folder
        if kept is not None:
            from amlet.sdk.output_tee import LABEL

            own.more[LABEL] = kept
            if kept.parent != tee.folder:
                own.passing.append(kept)
        if self._folder_before is not None:
            with contextlib.suppress(OSError):
                os.chdir(self._folder_before)

    def _hand_in_outputs(self, path: str) -> None:
        """Bring the outputs as they are now, at least those at a path of the run, where this process is the run."""
        own = self._own
        if own is not None:
            own.hand_in_outputs()

    def _await_facts(self) -> None:
        if self._facts is not None:
            self._facts.join()


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """A run of an experiment, by its id; of a sweep, as the HyperDriveRun that it is."""
    found = Run(experiment, run_id)
    return Run._of_record(experiment.workspace, found._known, like=experiment) if rehydrate else found
