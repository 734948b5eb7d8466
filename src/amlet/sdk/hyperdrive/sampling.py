"""Samplings: where the parameters of a sweep's trials come from (v1-behaviours 12.3)."""

from __future__ import annotations

from typing import Any, Dict, Optional

from amlet.domain import sweep as sweeps
from amlet.domain.sweep import Sampling
from amlet.domain.sweep_check import faults_of_sampling
from amlet.sdk.hyperdrive.exceptions import HyperDriveConfigException, raise_faults


class HyperParameterSampling:
    """The base of samplings.

    Args:
        sampling_method_name: v1's name of the method.
        parameter_space: Expressions by parameter, as `choice` and its like give them.
        properties: Kept with the sweep; nothing here reads them.
    """

    _METHOD = sweeps.RANDOM

    def __init__(
        self,
        sampling_method_name: str,
        parameter_space: Dict[str, Any],
        properties: Optional[Dict[str, Any]] = None,
        supported_distributions: Any = None,
        distributions_validators: Any = None,
        *,
        seed: Optional[int] = None,
    ) -> None:
        if not isinstance(parameter_space, dict):
            raise HyperDriveConfigException(
                f"parameter_space must be a dict, not {type(parameter_space).__name__}.",
                hint="{'--C': uniform(0.1, 1)}",
            )
        self._name = sampling_method_name
        self._parameter_space = parameter_space
        self._properties = properties
        self._seed = seed
        raise_faults(faults_of_sampling(self._sampling()))

    def to_json(self) -> Dict[str, Any]:
        """The name, the space and the properties, as v1 sent them."""
        told: Dict[str, Any] = {"name": self._name, "parameter_space": self._parameter_space}
        if self._properties is not None:
            told["properties"] = self._properties
        return told

    def _sampling(self) -> Sampling:
        return Sampling(self._METHOD, self._parameter_space, self._seed if self._seed is not None else 0)


class RandomParameterSampling(HyperParameterSampling):
    """Every parameter by its own distribution; a space with few points is drawn without replacement.

    Args:
        parameter_space: Expressions by parameter.
        properties: `{"seed": 7}` repeats a sweep's draws.
    """

    SAMPLING_NAME = "RANDOM"

    def __init__(self, parameter_space: Dict[str, Any], properties: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties, seed=_seed_of(properties))


class GridParameterSampling(HyperParameterSampling):
    """Every combination of the options once. Takes `choice` alone."""

    SAMPLING_NAME = "GRID"
    _METHOD = sweeps.GRID

    def __init__(self, parameter_space: Dict[str, Any], properties: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties)


class BayesianParameterSampling(HyperParameterSampling):
    """By what earlier trials came to. Takes `choice`, `uniform` and `quniform`."""

    SAMPLING_NAME = "BayesianOptimization"
    _METHOD = sweeps.BAYESIAN

    def __init__(self, parameter_space: Dict[str, Any], properties: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties, seed=_seed_of(properties))


class QuasiRandomSampling(HyperParameterSampling):
    """A scrambled Halton sequence: points that fill the space more evenly than random ones. Not of v1."""

    _METHOD = sweeps.QUASI_RANDOM

    def __init__(self, parameter_space: Dict[str, Any], *, seed: int = 0) -> None:
        super().__init__(self._METHOD, parameter_space, seed=seed)


class TPESampling(HyperParameterSampling):
    """Optuna's tree-structured Parzen estimator, over every expression and for several metrics. Not of v1."""

    _METHOD = sweeps.TPE

    def __init__(self, parameter_space: Dict[str, Any], *, seed: int = 0) -> None:
        super().__init__(self._METHOD, parameter_space, seed=seed)


class CmaEsSampling(HyperParameterSampling):
    """Optuna's CMA-ES, for numbers that depend on one another. Not of v1."""

    _METHOD = sweeps.CMA_ES

    def __init__(self, parameter_space: Dict[str, Any], *, seed: int = 0) -> None:
        super().__init__(self._METHOD, parameter_space, seed=seed)


class GaussianProcessSampling(HyperParameterSampling):
    """Optuna's Gaussian process, for few and costly trials. Needs `amlet[gp]`, which brings PyTorch. Not of v1."""

    _METHOD = sweeps.GAUSSIAN_PROCESS

    def __init__(self, parameter_space: Dict[str, Any], *, seed: int = 0) -> None:
        super().__init__(self._METHOD, parameter_space, seed=seed)


def _seed_of(properties: Optional[Dict[str, Any]]) -> Optional[int]:
    seed = (properties or {}).get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise HyperDriveConfigException(f"seed must be a whole number, not {seed!r}.")
    return seed
