"""The configuration of a sweep (v1-behaviours 12.4)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Union

from amlet.domain import sweep as sweeps
from amlet.domain.sweep import PARENTS_LIMIT, Objective, SweepSpec
from amlet.domain.sweep_check import faults_of_spec
from amlet.sdk.hyperdrive.exceptions import HyperDriveConfigException, raise_faults, refuse
from amlet.sdk.hyperdrive.policies import EarlyTerminationPolicy, NoTerminationPolicy
from amlet.sdk.hyperdrive.sampling import BayesianParameterSampling, HyperParameterSampling
from amlet.sdk.notice import warn

if TYPE_CHECKING:
    from amlet.sdk.hyperdrive.run import HyperDriveRun
    from amlet.sdk.run import Run
    from amlet.sdk.script_run_config import ScriptRunConfig

MAX_DURATION_MINUTES = sweeps.MAX_DURATION_MINUTES
HYPERDRIVE_URL_SUFFIX = "/hyperdrive/v1.0"
RECOMMENDED_MIN_RUNS_PER_PARAMETER_BAYESIAN = 20
RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN = 20
MAX_PARENT_RUNS = PARENTS_LIMIT
RESUME_FROM_TOTAL_RUNS = 1000
TERMINAL_STATES = ["Canceled", "Completed", "Failed"]


class PrimaryMetricGoal(enum.Enum):
    """Whether the primary metric is to be as large or as small as can be."""

    MAXIMIZE = "MAXIMIZE"
    MINIMIZE = "MINIMIZE"

    @staticmethod
    def from_str(goal: str) -> PrimaryMetricGoal:
        """The goal of a name in any case.

        Raises:
            ValueError: for another name.
        """
        try:
            return PrimaryMetricGoal(str(goal).upper())
        except ValueError:
            raise ValueError(f"A goal is MAXIMIZE or MINIMIZE, not {goal!r}.") from None


class HyperDriveConfig:
    """What a sweep is to do; `Experiment.submit` takes it.

    Args:
        hyperparameter_sampling: Where the parameters come from.
        primary_metric_name: What the script logs by `run.log` under this name is compared.
        primary_metric_goal: `PrimaryMetricGoal.MAXIMIZE` or `MINIMIZE`.
        max_total_runs: How many trials there are, 1 to 1000. Fewer when the space has fewer points.
        max_concurrent_runs: How many go on at a time; all by default.
        max_duration_minutes: After this no trial is begun, and those that go on are cancelled.
        policy: When trials are ended early; never by default.
        run_config: A ScriptRunConfig: each trial is a run of it, with the sampled arguments after its own.
        estimator: An Estimator in its place.
        resume_from: Sweeps, at most 5, whose trials are known from the start.
        resume_child_runs: Trials that are gone on with: each is run again with `--resume-from <its outputs>`.
        custom_run_id: The id of the sweep's run.
        more_objectives: Further metrics, as (name, goal), for a Pareto front. Not of v1.

    Raises:
        HyperDriveConfigException: with every fault.
    """

    def __init__(
        self,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: Optional[int] = None,
        max_duration_minutes: int = MAX_DURATION_MINUTES,
        policy: Optional[EarlyTerminationPolicy] = None,
        estimator: Any = None,
        run_config: Optional[ScriptRunConfig] = None,
        resume_from: Optional[Union[HyperDriveRun, Sequence[HyperDriveRun]]] = None,
        resume_child_runs: Optional[Union[Run, Sequence[Run]]] = None,
        pipeline: Any = None,
        debug_flag: Any = None,
        custom_run_id: Optional[str] = None,
        *,
        more_objectives: Sequence[Any] = (),
    ) -> None:
        if pipeline is not None:
            refuse("amlet sweeps no pipelines.", "sweep the step's own script: run_config=ScriptRunConfig(...).")
        if (estimator is None) == (run_config is None):
            refuse("A sweep needs a run_config or an estimator, and not both.", "run_config=ScriptRunConfig(...)")
        self._check_kinds(hyperparameter_sampling, primary_metric_name, primary_metric_goal, policy)
        for field, value in (("max_total_runs", max_total_runs), ("max_concurrent_runs", max_concurrent_runs)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                refuse(f"{field} must be a whole number, not {value!r}.")
        if isinstance(max_duration_minutes, bool) or not isinstance(max_duration_minutes, (int, float)):
            refuse(f"max_duration_minutes must be a number, not {max_duration_minutes!r}.")
        if max_duration_minutes > MAX_DURATION_MINUTES:
            warn(f"max_duration_minutes={max_duration_minutes} is cut to {MAX_DURATION_MINUTES}, which is 7 days.")
        self._sampling = hyperparameter_sampling
        self._policy = policy or NoTerminationPolicy()
        self._estimator = estimator
        self._run_config = run_config
        self._custom_run_id = custom_run_id
        self._resume_from = _list_of(resume_from)
        self._resume_child_runs = _list_of(resume_child_runs)
        self._max_total_runs = max_total_runs
        self._max_concurrent_runs = max_total_runs if max_concurrent_runs is None else max_concurrent_runs
        goals = [(primary_metric_name, primary_metric_goal), *more_objectives]
        self._spec = SweepSpec(
            sampling=hyperparameter_sampling._sampling(),
            objectives=[Objective(str(name), _goal(goal)) for name, goal in goals],
            max_total_runs=max_total_runs,
            max_concurrent_runs=self._max_concurrent_runs,
            policy=self._policy._policy,
            max_duration_s=int(min(max_duration_minutes, MAX_DURATION_MINUTES) * 60),
            resume_from=[run.id for run in self._resume_from],
            resume_child_runs=[run.id for run in self._resume_child_runs],
        )
        raise_faults(faults_of_spec(self._spec))
        self._check_children()
        self._advise()

    @property
    def estimator(self) -> Any:
        """The estimator, if one was given."""
        return self._estimator

    @property
    def run_config(self) -> Any:
        """The RunConfiguration of a trial."""
        return self._script().run_config

    @property
    def pipeline(self) -> None:
        """None: amlet sweeps no pipelines."""
        return None

    @property
    def source_directory(self) -> str:
        """The folder of the script."""
        return str(self._script().source_directory)

    def _script(self) -> ScriptRunConfig:
        if self._run_config is not None:
            return self._run_config
        config: ScriptRunConfig = self._estimator._script_run_config()
        return config

    @staticmethod
    def _check_kinds(sampling: Any, name: Any, goal: Any, policy: Any) -> None:
        if not isinstance(sampling, HyperParameterSampling):
            refuse(
                f"hyperparameter_sampling must be a sampling, not {type(sampling).__name__}.",
                "RandomParameterSampling({'--C': uniform(0.1, 1)})",
            )
        if not isinstance(name, str) or not name:
            refuse(f"primary_metric_name must be a text, not {name!r}.")
        if not isinstance(goal, PrimaryMetricGoal):
            refuse(f"primary_metric_goal must be a PrimaryMetricGoal, not {goal!r}.", "PrimaryMetricGoal.MAXIMIZE")
        if policy is not None and not isinstance(policy, EarlyTerminationPolicy):
            refuse(f"policy must be an early termination policy, not {policy!r}.", "BanditPolicy(slack_factor=0.1)")

    def _check_children(self) -> None:
        """v1-behaviours 12.21; what the server's records decide, it checks itself."""
        parents = set()
        for run in self._resume_child_runs:
            parent = run.parent
            if parent is None:
                refuse(f"{run.id} in resume_child_runs is no trial of a sweep.")
            parents.add(parent.id)
        if len(parents) > MAX_PARENT_RUNS:
            refuse(f"resume_child_runs come from {len(parents)} sweeps; {MAX_PARENT_RUNS} is the most.")

    def _advise(self) -> None:
        if not isinstance(self._sampling, BayesianParameterSampling):
            return
        least = RECOMMENDED_MIN_RUNS_PER_PARAMETER_BAYESIAN * len(self._sampling._parameter_space)
        if self._max_total_runs < least:
            warn(f"Bayesian sampling does best with {least} runs and more for so many parameters: max_total_runs.")
        if self._max_concurrent_runs > RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN:
            most = RECOMMENDED_MAX_CONCURRENT_RUNS_BAYESIAN
            warn(f"Bayesian sampling learns less the more runs go on at a time: {most} at most is advised.")


class HyperDriveRunConfig(HyperDriveConfig):
    """The older name of HyperDriveConfig, with the estimator first."""

    def __new__(
        cls,
        estimator: Any,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: Optional[int] = None,
        max_duration_minutes: int = MAX_DURATION_MINUTES,
        policy: Optional[EarlyTerminationPolicy] = None,
    ) -> Any:
        """A HyperDriveConfig (v1-behaviours 12.22)."""
        return HyperDriveConfig(
            hyperparameter_sampling,
            primary_metric_name,
            primary_metric_goal,
            max_total_runs,
            max_concurrent_runs,
            max_duration_minutes,
            policy,
            estimator=estimator,
        )


def _list_of(given: Any) -> List[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _goal(goal: Any) -> str:
    if isinstance(goal, PrimaryMetricGoal):
        return goal.value.lower()
    try:
        return PrimaryMetricGoal.from_str(goal).value.lower()
    except ValueError as error:
        raise HyperDriveConfigException(str(error)) from None
