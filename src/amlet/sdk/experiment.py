"""Experiments: named series of runs in a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Sequence, Union

from amlet.base.names import EXPERIMENT
from amlet.sdk.exceptions import AzureMLException, UserErrorException, as_v1
from amlet.sdk.notice import warn_ignored
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from datetime import datetime

    from amlet.domain.workspace import Experiment as ExperimentRecord
    from amlet.sdk.run import Run
    from amlet.sdk.workspace import Workspace


class ViewType:
    """Which experiments `Experiment.list` gives."""

    ActiveOnly = "ActiveOnly"
    All = "All"
    ArchivedOnly = "ArchivedOnly"


_VIEWS = {ViewType.ActiveOnly: "active", ViewType.All: "all", ViewType.ArchivedOnly: "archived"}


class Experiment:
    """A named series of runs. It is made when it is not there yet.

    Args:
        workspace: The workspace it belongs to.
        name: 1 to 255 letters, digits, `_` or `-`.

    Raises:
        UserErrorException: for a name that breaks the rule.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        _skip_name_validation: bool = False,
        _id: Optional[str] = None,
        _archived_time: Any = None,
        _create_in_cloud: bool = True,
        _experiment_dto: Any = None,
        **kwargs: Any,
    ) -> None:
        self._workspace = workspace
        self._id = _id
        self._record: Optional[ExperimentRecord] = None
        with as_v1():
            self._name = name if _skip_name_validation else EXPERIMENT.check(name)
            if _create_in_cloud and _id is None:
                self._look_up()

    @property
    def workspace(self) -> Workspace:
        """The workspace it belongs to."""
        return self._workspace

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def id(self) -> str:
        """The id at the server."""
        return self._id or self._look_up()

    def submit(self, config: Any, tags: Optional[Dict[str, Optional[str]]] = None, **kwargs: Any) -> Run:
        """Submit a script. Everything is checked, and every fault told at once, before anything is sent.

        Args:
            config: What to run. It is not changed and can be used again.
            tags: Tags of the run.
            **kwargs: `run_id`, `display_name` and `description`; others are accepted as in v1's articles, named in a
                warning, and have no effect. Follow the run with `run.wait_for_completion(show_output=True)`.

        Returns:
            The run, which goes on when this process ends.

        Raises:
            UserErrorException: with every fault of the configuration.
            ExperimentExecutionException: if the script is not in the source directory.
        """
        return self._submit(config, tags, kwargs)

    def start_logging(self, *args: Any, **kwargs: Any) -> Run:
        """Start a run that this process, or this notebook, logs to: `run = experiment.start_logging()`.

        `run.complete()` or `run.fail()` ends it, or the end of a `with` block, or else the end of this process.
        Positionally or by name:

        Args:
            name: What it is called.
            run_id: Its id; drawn if not given.
            outputs: The folder whose files are kept at the end, made if need be. None and True are ./outputs, False
                is none.
            snapshot_directory: The folder of sources that are kept with it; None keeps none. One over 300 MB is left
                out, with a warning.
            **kwargs: `display_name`, `description`, `tags`.

        Returns:
            The run, Running.
        """
        return self._start_logging(*args, **kwargs)

    def get_runs(
        self,
        type: Optional[str] = None,
        tags: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        properties: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """The runs, newest first, fetched page by page.

        Args:
            type: Only runs of this type.
            tags: A key that must be there, or a dict of keys and values that must be equal.
            properties: The same for properties.
            include_children: Also the runs that are children of others.
        """
        from amlet.sdk.run import Run

        return Run.list(self, type, tags, properties, include_children=include_children)

    @staticmethod
    def list(
        workspace: Workspace,
        experiment_name: Optional[str] = None,
        view_type: str = ViewType.ActiveOnly,
        tags: Optional[Union[str, Dict[str, Optional[str]]]] = None,
    ) -> List[Experiment]:
        """The experiments of a workspace, by name.

        Args:
            experiment_name: Only this one.
            view_type: One of `ViewType`.
            tags: A key that must be there, or a dict of keys and values that must be equal.
        """
        from amlet.wire.workspaces import ExperimentQuery

        if view_type not in _VIEWS:
            raise UserErrorException(f"view_type must be one of {', '.join(_VIEWS)}, not {view_type!r}.")
        held = workspace._connection
        with as_v1():
            found = held.client.experiments.list(held.workspace_id, ExperimentQuery(_VIEWS[view_type])).experiments
        wanted = {tags: None} if isinstance(tags, str) else dict(tags or {})
        return [
            Experiment._of_record(workspace, record)
            for record in found
            if experiment_name in (None, record.name)
            and all(
                key in record.tags and (isinstance(tags, str) or record.tags[key] == value)
                for key, value in wanted.items()
            )
        ]

    @staticmethod
    def delete(workspace: Workspace, experiment_id: str) -> None:
        """Delete an experiment that has no runs, or only trashed ones.

        Raises:
            UserErrorException: if there is none of this id, or it has runs.
        """
        known = Experiment.list(workspace, view_type=ViewType.All)
        found = [experiment for experiment in known if experiment_id in (experiment.id, experiment.name)]
        if not found:
            raise UserErrorException(f"There is no experiment with the id {experiment_id!r}.")
        held = workspace._connection
        with as_v1():
            held.client.experiments.delete(held.workspace_id, found[0].name)

    from_directory = RefusedMember("Experiment(Workspace.from_config(path), name) does it.")

    @property
    def workspace_object(self) -> Workspace:
        """The older name of `workspace`."""
        return self._workspace

    @property
    def archived_time(self) -> Optional[datetime]:
        """Since when it is archived; None for an active one."""
        return self._known.archived

    @property
    def tags(self) -> Dict[str, Optional[str]]:
        """The tags when they were last asked for. A copy."""
        return dict(self._known.tags)

    def tag(self, key: str, value: Optional[str] = None) -> None:
        """Set one tag; a value that is there is overwritten."""
        self.set_tags({key: value})

    def set_tags(self, tags: Dict[str, Optional[str]]) -> None:
        """Set tags; others stay as they are."""
        from amlet.sdk.run_marks import tags_of

        self._update(set_tags=tags_of(tags))

    def remove_tags(self, tags: Sequence[str]) -> Dict[str, Optional[str]]:
        """Remove tags by their keys; unknown ones are passed over.

        Returns:
            The tags that are left.
        """
        self._update(remove_tags=[tags] if isinstance(tags, str) else [str(key) for key in tags])
        return self.tags

    def archive(self) -> None:
        """Take the experiment out of the way: `list` shows it no more unless asked. Its runs stay."""
        self._update(archived=True)

    def reactivate(self, new_name: Optional[str] = None) -> None:
        """Bring an archived experiment back.

        Raises:
            UserErrorException: for a new name: an experiment keeps its own.
        """
        if new_name is not None:
            raise UserErrorException(f"{self._name!r} cannot be renamed to {new_name!r}: an experiment keeps its name.")
        self._update(archived=False)

    def refresh(self) -> None:
        """Read tags and whether it is archived anew."""
        self._look_up()

    @classmethod
    def get_docs_url(cls) -> str:
        """Where v1's documentation of this class is."""
        return "https://learn.microsoft.com/python/api/azureml-core/azureml.core.experiment.experiment"

    def get_portal_url(self) -> str:
        """The address of the experiment's page."""
        from amlet.wire.pages import experiment_page

        held = self._workspace._connection
        return held.page(experiment_page(held.workspace_id, self._name))

    def __str__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        url = escape(self.get_portal_url(), quote=True)
        return (
            "<table><tr><th>Name</th><th>Workspace</th><th>Report Page</th></tr>"
            f"<tr><td>{escape(self._name)}</td><td>{escape(self._workspace.name)}</td>"
            f'<td><a href="{url}" target="_blank" rel="noopener">Link to amlet studio</a></td></tr></table>'
        )

    @classmethod
    def _of_record(cls, workspace: Workspace, record: ExperimentRecord) -> Experiment:
        made = cls(workspace, record.name, _skip_name_validation=True, _id=record.id, _create_in_cloud=False)
        made._record = record
        return made

    @property
    def _known(self) -> ExperimentRecord:
        if self._record is None:
            self._look_up()
        assert self._record is not None
        return self._record

    def _look_up(self) -> str:
        held = self._workspace._connection
        with as_v1():
            self._record = held.client.experiments.ensure(held.workspace_id, self._name)
        self._id = str(self._record.id)
        return self._id

    def _update(self, **changes: Any) -> None:
        from amlet.wire.workspaces import UpdateExperiment

        held = self._workspace._connection
        with as_v1():
            self._record = held.client.experiments.update(held.workspace_id, self._name, UpdateExperiment(**changes))

    def _submit(
        self,
        config: Any,
        tags: Optional[Dict[str, Optional[str]]],
        more: Dict[str, Any],
        *,
        parent_id: Optional[str] = None,
    ) -> Run:
        submit = _submitter_of(config)
        if submit is None:
            raise AzureMLException(
                f"An object of type {type(config).__name__} cannot be submitted.",
                hint="submit a ScriptRunConfig, or a HyperDriveConfig.",
            )
        named = {name: more.pop(name, None) for name in ("run_id", "display_name", "description")}
        parent_id = parent_id or more.pop("_parent_run_id", None)
        warn_ignored("Experiment.submit", sorted(more), stacklevel=4)
        return submit(self, config, tags or {}, parent_id=parent_id, **named)

    def _start_logging(
        self,
        name: Optional[str] = None,
        run_id: Optional[str] = None,
        outputs: Optional[Union[bool, str]] = None,
        snapshot_directory: Optional[str] = ".",
        *,
        display_name: Optional[str] = None,
        description: Optional[str] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        **more: Any,
    ) -> Run:
        from amlet.sdk.interactive import Start, start_with_facts
        from amlet.sdk.run_marks import tags_of

        warn_ignored("Experiment.start_logging", sorted(more), stacklevel=4)
        asked = Start(run_id, name, display_name, description, tags=tags_of(tags or {}))
        return start_with_facts(self, asked, outputs=outputs, snapshot_directory=snapshot_directory)


def _submitter_of(config: Any) -> Optional[Callable[..., Run]]:
    """What submits a configuration of this kind. Nothing is loaded for kinds that nobody has made one of."""
    from amlet.sdk.script_run_config import ScriptRunConfig

    if isinstance(config, ScriptRunConfig):
        from amlet.sdk.submission import submit_script

        return submit_script
    home = type(config).__module__
    if home == "amlet.sdk.hyperdrive.config":
        from amlet.sdk.hyperdrive.submit import submit_sweep

        return submit_sweep
    if home == "amlet.sdk.estimator":
        from amlet.sdk.estimator import submit_estimator

        return submit_estimator
    return None
