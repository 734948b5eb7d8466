"""Experiments: named series of runs in a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional, Union

from amlet.base.names import EXPERIMENT
from amlet.sdk.exceptions import AzureMLException, as_v1
from amlet.sdk.filters import matches
from amlet.sdk.notice import warn_ignored

if TYPE_CHECKING:
    from amlet.sdk.run import Run
    from amlet.sdk.script_run_config import ScriptRunConfig
    from amlet.sdk.workspace import Workspace

PAGE = 100
"""Runs asked for at a time."""


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

    def submit(self, config: ScriptRunConfig, tags: Optional[Dict[str, Optional[str]]] = None, **kwargs: Any) -> Run:
        """Submit a script. Everything is checked, and every fault told at once, before anything is sent.

        Args:
            config: What to run. It is not changed and can be used again.
            tags: Tags of the run.
            **kwargs: `run_id` and `display_name`; others are accepted as in v1's articles, named in a warning, and
                have no effect. Follow the run with `run.wait_for_completion(show_output=True)`.

        Returns:
            The run, which goes on when this process ends.

        Raises:
            UserErrorException: with every fault of the configuration.
            ExperimentExecutionException: if the script is not in the source directory.
        """
        from amlet.sdk.script_run_config import ScriptRunConfig
        from amlet.sdk.submission import submit_script

        if not isinstance(config, ScriptRunConfig):
            raise AzureMLException(
                f"An object of type {type(config).__name__} cannot be submitted.", hint="submit a ScriptRunConfig."
            )
        run_id, display_name = kwargs.pop("run_id", None), kwargs.pop("display_name", None)
        warn_ignored("Experiment.submit", sorted(kwargs))
        return submit_script(self, config, tags or {}, run_id=run_id, display_name=display_name)

    def get_runs(
        self,
        type: Optional[str] = None,
        tags: Optional[Union[str, Dict[str, str]]] = None,
        properties: Optional[Union[str, Dict[str, str]]] = None,
        include_children: bool = False,
    ) -> Iterator[Run]:
        """The runs, newest first, fetched page by page.

        Args:
            type: Only runs of this type.
            tags: A key that must be there, or a dict of keys and values that must be equal.
            properties: The same for properties.
        """
        from amlet.sdk.run import Run
        from amlet.wire.runs import RunQuery

        held, before = self._workspace._connection, None
        while True:
            with as_v1():
                page = held.client.runs.list(held.workspace_id, RunQuery(self._name, limit=PAGE, before=before))
            for record in page.runs:
                if type is not None and record.type != type:
                    continue
                if matches(record.tags, tags) and matches(record.properties, properties):
                    yield Run(self, record.id, _record=record)
            before = page.next
            if before is None:
                return

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

    def _look_up(self) -> str:
        held = self._workspace._connection
        self._id = str(held.client.experiments.ensure(held.workspace_id, self._name).id)
        return self._id
