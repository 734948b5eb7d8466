"""Entry scripts: what they run in, and which of v1's settings mean nothing here."""

from __future__ import annotations

import re

from amlet.base.errors import InvalidInput
from amlet.domain.deployment import Deployment
from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.domain.model import SCIKITLEARN, Model

_SERVERS = re.compile(r"azureml[-_.](?:defaults|inference[-_.]server[-_.]http)(?![\w.-])", re.IGNORECASE)
"""The distributions that brought inference-schema along in v1."""
SCHEMA = "inference-schema"


def check(deployment: Deployment, first: Model | None, lock: Lock | None) -> None:
    """Refuse an entry script that would have nothing to run in.

    Args:
        first: The first of its models.
        lock: Of the run that made it.

    Raises:
        InvalidInput: naming the reason.
    """
    spec = deployment.environment
    if spec is None:
        if lock is None and (first is None or first.framework != SCIKITLEARN):
            raise InvalidInput(
                f"{deployment.entry_script} has no environment to run in: none was given, and no run's is known.",
                hint="pass InferenceConfig(entry_script=..., environment=Environment(...)).",
            )
        return
    if spec.container is not None and spec.user_managed:
        raise InvalidInput(
            f'Environment "{spec.name}" has its packages in a container image, which services on this machine do not '
            "run in.",
            hint="list the packages: Environment.from_pip_requirements, or python.conda_dependencies.",
        )


def environment_for(spec: EnvironmentSpec, *, has_script: bool) -> EnvironmentSpec:
    """What a service's replicas run in: the packages, without a container; and what v1's server brought along."""
    spec = spec._replace(container=None)
    if not has_script or not any(_SERVERS.match(line.strip()) for line in spec.pip):
        return spec
    if any(re.match(r"inference[-_.]schema", line.strip(), re.IGNORECASE) for line in spec.pip):
        return spec
    return spec._replace(pip=[*spec.pip, SCHEMA])


def notes(spec: EnvironmentSpec) -> list[str]:
    """What the user should know of an environment's use for a service."""
    if spec.container is None:
        return []
    return [f'Environment "{spec.name}": its packages serve, without its container image.']
