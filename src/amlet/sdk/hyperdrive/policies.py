"""Early termination policies (v1-behaviours 12.8 to 12.13)."""

from __future__ import annotations

from typing import Any, Dict, Optional

from amlet.domain import sweep as sweeps
from amlet.domain.sweep import Policy
from amlet.domain.sweep_check import faults_of_policy
from amlet.sdk.hyperdrive.exceptions import HyperDriveConfigException, raise_faults


class EarlyTerminationPolicy:
    """The base of policies.

    Args:
        name: v1's name of the policy.
        properties: Its settings under v1's names.
    """

    _policy = Policy()

    def __init__(self, name: str, properties: Optional[Dict[str, Any]] = None) -> None:
        self._name = name
        self._properties = properties

    def to_json(self) -> Dict[str, Any]:
        """The name and the settings, as v1 sent them."""
        told: Dict[str, Any] = {"name": self._name}
        if self._properties is not None:
            told["properties"] = self._properties
        return told

    def _keep(self, policy: Policy) -> None:
        for field in ("evaluation_interval", "delay_evaluation", "truncation_percentage"):
            _whole(field, getattr(policy, field))
        raise_faults(faults_of_policy(policy))
        self._policy = policy


class BanditPolicy(EarlyTerminationPolicy):
    """End trials that are not within a slack of the best one at the same report.

    Args:
        evaluation_interval: Decide at multiples of this, in reports. Note that it comes first (v1-behaviours 12.13).
        slack_factor: A ratio: 0.2 lets a trial be 1/1.2 of the best.
        slack_amount: A difference, in the metric's unit. One of the two is needed.
        delay_evaluation: Decide nothing before this many reports.
    """

    POLICY_NAME = "Bandit"

    def __init__(
        self,
        evaluation_interval: int = 1,
        slack_factor: Optional[float] = None,
        slack_amount: Optional[float] = None,
        delay_evaluation: int = 0,
    ) -> None:
        for field, value in (("slack_factor", slack_factor), ("slack_amount", slack_amount)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise HyperDriveConfigException(f"{field} must be a number, not {value!r}.")
        self._keep(Policy(sweeps.BANDIT, evaluation_interval, delay_evaluation, slack_factor, slack_amount))
        slack = {"slack_factor": slack_factor} if slack_factor is not None else {"slack_amount": slack_amount}
        super().__init__(self.POLICY_NAME, {**_intervals(self._policy), **slack})

    @property
    def slack_factor(self) -> Optional[float]:
        """The ratio, if one was given."""
        return self._policy.slack_factor

    @property
    def evaluation_interval(self) -> int:
        """At multiples of how many reports it decides."""
        return self._policy.evaluation_interval

    @property
    def delay_evaluation(self) -> int:
        """Before how many reports it decides nothing."""
        return self._policy.delay_evaluation


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """End trials whose best is worse than the median of all running means."""

    POLICY_NAME = "MedianStopping"

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        self._keep(Policy(sweeps.MEDIAN_STOPPING, evaluation_interval, delay_evaluation))
        super().__init__(self.POLICY_NAME, _intervals(self._policy))

    evaluation_interval = BanditPolicy.evaluation_interval
    delay_evaluation = BanditPolicy.delay_evaluation


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """End the worst share of the trials at each interval.

    Args:
        truncation_percentage: From 1 to 99.
    """

    POLICY_NAME = "TruncationSelection"

    def __init__(self, truncation_percentage: int, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        policy = Policy(sweeps.TRUNCATION_SELECTION, evaluation_interval, delay_evaluation)
        self._keep(policy._replace(truncation_percentage=truncation_percentage))
        told = {"truncation_percentage": truncation_percentage, "exclude_finished_jobs": False}
        super().__init__(self.POLICY_NAME, {**_intervals(self._policy), **told})

    @property
    def truncation_percentage(self) -> int:
        """Which share is ended."""
        return self._policy.truncation_percentage or 0

    evaluation_interval = BanditPolicy.evaluation_interval
    delay_evaluation = BanditPolicy.delay_evaluation


class NoTerminationPolicy(EarlyTerminationPolicy):
    """Every trial goes to its end: the default."""

    POLICY_NAME = "Default"

    def __init__(self) -> None:
        super().__init__(self.POLICY_NAME)


class HyperbandPolicy(EarlyTerminationPolicy):
    """Let one of so many trials go on from each rung, as results come in (ASHA). Not of v1.

    Args:
        min_resource: Reports before the first rung.
        reduction_factor: One of so many goes on.
        brackets: Trials are dealt to so many ladders, each beginning a rung later; 1 is successive halving.
    """

    def __init__(self, min_resource: int = 1, reduction_factor: int = 3, brackets: int = 1) -> None:
        for field, value in (("min_resource", min_resource), ("reduction_factor", reduction_factor)):
            _whole(field, value)
        _whole("brackets", brackets)
        policy = Policy(sweeps.HYPERBAND, min_resource=min_resource, reduction_factor=reduction_factor)
        self._keep(policy._replace(brackets=brackets))
        told = {"min_resource": min_resource, "reduction_factor": reduction_factor, "brackets": brackets}
        super().__init__("Hyperband", told)


def _intervals(policy: Policy) -> Dict[str, Any]:
    return {"evaluation_interval": policy.evaluation_interval, "delay_evaluation": policy.delay_evaluation}


def _whole(field: str, value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise HyperDriveConfigException(f"{field} must be a whole number, not {value!r}.")
