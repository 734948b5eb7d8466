"""What services of v1's cloud kinds share: tags, properties, and how much each replica gets."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Union

from amlet.domain.deployment import Deployment
from amlet.domain.model import Resources
from amlet.sdk.deployment import Wanted, chosen_models, with_inference, with_models
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.webservice.parts import ContainerResourceRequirements
from amlet.sdk.webservice.webservice import Webservice

CPU_CORES = 0.1
MEMORY_GB = 0.5
"""v1's defaults, which it tells; a replica is bounded only where the deployment or the model asks for it."""


class CloudWebservice(Webservice):
    """A service as v1 had them in Azure. It is answered by this machine."""

    @property
    def container_resource_requirements(self) -> ContainerResourceRequirements:
        """What one replica gets."""
        resources = self._record.deployment.resources or Resources()
        limits = self._record.deployment.limits or Resources()
        return ContainerResourceRequirements(
            resources.cpu or CPU_CORES,
            resources.memory_gb or MEMORY_GB,
            resources.gpu,
            limits.cpu,
            limits.memory_gb,
        )

    @property
    def enable_app_insights(self) -> bool:
        """v1's telemetry, as it was asked for. Nothing is sent; `/metrics` of the service has the figures."""
        return bool(self._detail("enable_app_insights"))

    @property
    def environment(self) -> Any:
        """The environment that was asked for; None: the first model's own."""
        from amlet.sdk.environment import Environment

        spec = self._record.deployment.environment
        return None if spec is None else Environment._from_spec(spec)

    def run(self, input_data: Union[str, bytes]) -> Any:
        """Send rows and give the answer, parsed. Where the service needs a key or a token, this brings one along.

        Args:
            input_data: JSON: `{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}`.

        Raises:
            WebserviceException: for any answer but 200, with its code, headers and content.
        """
        return super().run(input_data)

    def add_tags(self, tags: Dict[str, Optional[str]]) -> None:
        """Add tags, or give them other values."""
        self._change(tags={**self.tags, **tags})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Take tags away, by their keys."""
        gone = [tags] if isinstance(tags, str) else list(tags)
        for key in gone:
            if key not in self.tags:
                print(f"Tag with key {key} not found.")
        self._change(tags={key: value for key, value in self.tags.items() if key not in gone})

    def add_properties(self, properties: Dict[str, str]) -> None:
        """Add properties: new keys only, for ever.

        Raises:
            WebserviceException: for a key that is there already.
        """
        self._change(properties={**self.properties, **_new_properties(self.properties, properties)})

    def _detail(self, name: str) -> Any:
        return self._record.deployment.details.get(name)

    def _update(
        self,
        deployment: Deployment,
        *,
        models: Any,
        inference_config: Any,
        tags: Optional[Dict[str, Optional[str]]],
        properties: Optional[Dict[str, str]],
        description: Optional[str],
        **more: Any,
    ) -> None:
        """Change what is given and leave the rest; replicas are replaced without an outage where they must be."""
        if models is not None:
            deployment = with_models(deployment, chosen_models(self.workspace, models))
        wanted = with_inference(deployment, inference_config)
        is_changed = wanted.deployment != self._record.deployment or wanted.source is not None
        if properties is not None:
            properties = {**self.properties, **_new_properties(self.properties, properties)}
        self._change(
            Wanted(*wanted) if is_changed else None, tags=tags, properties=properties, description=description, **more
        )


def check_given(settings: Mapping[str, Any]) -> None:
    """See that something is to change.

    Raises:
        WebserviceException: if nothing is given (v1-behaviours 15.25).
    """
    if all(value is None for value in settings.values()):
        raise WebserviceException("No parameters provided to update.", hint="name at least one: update(tags={...}).")


def _new_properties(held: Mapping[str, str], added: Mapping[str, str]) -> Dict[str, str]:
    taken = sorted(key for key in added if key in held and held[key] != added[key])
    if taken:
        raise WebserviceException(
            f"Properties of a service are immutable, and these are there already: {', '.join(taken)}.",
            hint="use tags for what changes.",
        )
    return dict(added)
