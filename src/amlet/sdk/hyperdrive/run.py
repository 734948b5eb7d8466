"""The run of a sweep (v1-behaviours 12.14 to 12.20)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from amlet.domain.sweep import HYPERDRIVE
from amlet.sdk.exceptions import as_v1
from amlet.sdk.hyperdrive.exceptions import HyperDriveException, HyperDriveNotImplementedException
from amlet.sdk.notice import warn
from amlet.sdk.run import Run

if TYPE_CHECKING:
    from amlet.domain.sweep import Standing
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.hyperdrive.config import HyperDriveConfig
    from amlet.wire.sweeps import SweepDetails

PAGE = 1000


class HyperDriveRun(Run):
    """A sweep: the run whose children are its trials. `Experiment.submit(HyperDriveConfig(...))` gives one.

    Args:
        experiment: The experiment it belongs to.
        run_id: Its id.
        hyperdrive_config: What it was submitted with, where it is known.

    Raises:
        UserErrorException: if there is no such run.
    """

    RUN_TYPE = HYPERDRIVE
    HYPER_DRIVE_RUN_USER_AGENT = "sdk_run_hyper_drive"

    def __init__(
        self,
        experiment: Experiment,
        run_id: str,
        hyperdrive_config: Optional[HyperDriveConfig] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(experiment, run_id, **kwargs)
        self._hyperdrive_config = hyperdrive_config

    @property
    def hyperdrive_config(self) -> Optional[HyperDriveConfig]:
        """What it was submitted with; None for a sweep that another process submitted."""
        return self._hyperdrive_config

    def cancel(self) -> None:
        """Cancel the sweep and its trials. It is over once they are."""
        super().cancel()

    def get_best_run_by_primary_metric(
        self,
        include_failed: bool = True,
        include_canceled: bool = True,
        include_resume_from_runs: bool = True,
        *,
        strict: bool = False,
    ) -> Optional[Run]:
        """The trial with the best value of the primary metric, of all that it logged.

        Args:
            include_failed: Also of trials that failed.
            include_canceled: Also of trials that were cancelled, or ended by the policy.
            include_resume_from_runs: Also of the trials of the sweeps that this one went on from.
            strict: Raise when there is none. Not of v1.

        Returns:
            The run; None, with a warning that says why, when no trial logged the metric.

        Raises:
            HyperDriveException: with `strict`, when there is none.
        """
        details = self._sweep()
        found = self._standings("metric", descending=details.spec.primary.goal == "maximize")
        if include_resume_from_runs:
            for parent in details.spec.resume_from:
                found += _standings_of(self, parent, "number", descending=False)
        left_out = {"Failed": include_failed, "Canceled": include_canceled}
        best: Optional[Standing] = None
        for standing in found:
            value = standing.best[0]
            if value is None or not left_out.get(standing.status, True):
                continue
            if best is None or details.spec.primary.is_better(value, best.best[0] or 0.0):
                best = standing
        if best is not None:
            return Run.get(self.experiment.workspace, best.trial.run_id)
        why = self._why_none(details, len(found))
        if strict:
            raise HyperDriveException(why)
        warn(why)
        return None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> List[Dict[str, Any]]:
        """The trials, the best first; those without the metric come last.

        Args:
            top: Only so many; 0 is all.
            reverse: The worst first.
            discard_no_metric: Leave out those without the metric.

        Returns:
            A dict a trial: run_id, hyperparameters (JSON), best_primary_metric, status.
        """
        assert isinstance(top, int) and not isinstance(top, bool) and top >= 0, "top must be a whole number, 0 or more"
        assert isinstance(reverse, bool), "reverse must be True or False"
        assert isinstance(discard_no_metric, bool), "discard_no_metric must be True or False"
        maximizes = self._sweep().spec.primary.goal == "maximize"
        found = self._standings("metric", descending=maximizes != reverse)
        told = [
            {
                "run_id": standing.trial.run_id,
                "hyperparameters": json.dumps(standing.trial.parameters),
                "best_primary_metric": standing.best[0],
                "status": standing.status,
            }
            for standing in found
            if standing.best[0] is not None or not discard_no_metric
        ]
        return told[:top] if top else told

    def get_hyperparameters(self) -> Dict[str, str]:
        """What each trial was drawn, as JSON, by its run's id."""
        found = self._standings("number", descending=False)
        return {standing.trial.run_id: json.dumps(standing.trial.parameters) for standing in found}

    def get_tags(self) -> Dict[str, Optional[str]]:
        """The tags, with one for each trial: its parameters as JSON (v1-behaviours 12.14)."""
        return {**super().get_tags(), **self.get_hyperparameters()}

    def get_metrics(self) -> Dict[str, Any]:  # type: ignore[override]
        """What each trial logged, by its run's id. The sweep's own table is `best_child_by_primary_metric`."""
        return {run.id: run.get_metrics() for run in self.get_children()}

    def get_pareto_front(self) -> List[Run]:
        """The trials that no other is better than in all objectives. Not of v1.

        Raises:
            HyperDriveException: for a sweep with one objective.
        """
        details = self._sweep()
        if len(details.spec.objectives) < 2:
            raise HyperDriveException(
                "This sweep has one objective.", hint="run.get_best_run_by_primary_metric() is its best trial."
            )
        return [Run.get(self.experiment.workspace, standing.trial.run_id) for standing in details.front]

    def get_diagnostics(self) -> None:
        """Not of a sweep (v1-behaviours 12.19)."""
        raise HyperDriveNotImplementedException(
            "A sweep has no diagnostics to download.", hint="run.get_all_logs() has its log; each trial has its own."
        )

    def fail(self, error_details: Any = None, error_code: Optional[str] = None, _set_status: bool = True) -> None:
        """Not of a sweep (v1-behaviours 12.19)."""
        raise HyperDriveNotImplementedException("A sweep cannot be failed by hand.", hint="run.cancel() ends it.")

    def _sweep(self) -> SweepDetails:
        held = self._connection
        with as_v1(HyperDriveException):
            details = held.client.sweeps.get(held.workspace_id, self._run_id)
        self._record = details.run
        return details

    def _standings(self, order: str, *, descending: bool) -> List[Standing]:
        return _standings_of(self, self._run_id, order, descending=descending)

    def _why_none(self, details: SweepDetails, trials: int) -> str:
        wanted = details.spec.primary.metric
        if not trials:
            return f"Sweep {self._run_id} has no trial yet: there is no best one."
        told = [warning.message for warning in details.run.warnings if warning.source == "sweep"]
        more = f" {told[0]}" if told else ""
        states = ", ".join(f"{count} {status}" for status, count in sorted(details.statuses.items()))
        return f"No trial of {self._run_id} has logged the primary metric {wanted!r} ({states}).{more}"


def _standings_of(run: HyperDriveRun, sweep: str, order: str, *, descending: bool) -> List[Standing]:
    from amlet.wire.sweeps import TrialQuery

    held = run._connection
    found: List[Standing] = []
    while True:
        query = TrialQuery(order, descending, limit=PAGE, offset=len(found))
        with as_v1(HyperDriveException):
            page = held.client.sweeps.trials(held.workspace_id, sweep, query)
        found += page.trials
        if len(found) >= page.total or not page.trials:
            return found
