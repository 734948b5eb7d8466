"""The options that say how a service is deployed, and the deployment made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from amlet.base.errors import InvalidInput
from amlet.cli import source
from amlet.cli.options import key_values, keys_or_values
from amlet.client.uploads import submit_with_blobs
from amlet.domain.artifact import Entry
from amlet.domain.deployment import (
    AKS_SERVICE,
    BY_KEY,
    BY_TOKEN,
    LOCAL_SERVICE,
    OPEN,
    Autoscale,
    Capture,
    Deployment,
)
from amlet.domain.model import Resources
from amlet.sdk.connection import Connection
from amlet.sdk.deployment import with_inference
from amlet.sdk.inference_config import InferenceConfig, Source
from amlet.sdk.workspace import Workspace
from amlet.wire.services import DeployAnswer

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("-m", "--model", "models", multiple=True, metavar="MODEL", help="`iris`, `iris:2`, `iris@champion`."),
    click.option(
        "--ic", "--inference-config-file", "inference_file", metavar="FILE", help="v1's inferenceconfig.json or .yml."
    ),
    click.option("--script", metavar="FILE", help="The entry script, with init() and run()."),
    click.option("--source", "source_folder", metavar="FOLDER", help="A folder that goes along with the script."),
    click.option("--conda", metavar="FILE", help="Packages: a conda yaml."),
    click.option("--pip", "pip_file", metavar="FILE", help="Packages: a requirements file."),
    click.option("--env", "environment", metavar="NAME", help="A registered or curated environment."),
    click.option("--target", metavar="NAME", help="A cluster over whose nodes it is spread. Default: this machine."),
    click.option("-p", "--port", type=click.IntRange(1, 65535), help="Default: a free one, which is kept."),
    click.option("--replicas", type=click.IntRange(min=1), help="How many processes answer."),
    click.option("--autoscale", metavar="MIN:MAX", help="As many processes as the load needs, between the two."),
    click.option("--cpu", type=float, metavar="CORES", help="Of each process."),
    click.option("--memory-gb", type=float, metavar="GB", help="What each process may have at most."),
    click.option("--auth", type=click.Choice((OPEN, BY_KEY, BY_TOKEN)), help="Who may ask. Default: all here."),
    click.option("--timeout-ms", type=click.IntRange(min=1), help="How long a request may take."),
    click.option("--max-wait-ms", type=click.IntRange(min=0), help="How long one may wait for its turn."),
    click.option("--concurrency", type=click.IntRange(min=1), help="Calls at a time in each process."),
    click.option("--cors", "cors_origins", multiple=True, metavar="ORIGIN", help="Pages that may ask. Repeat."),
    click.option("--capture", type=click.IntRange(0, 100), metavar="PERCENT", help="Keep so many of the requests."),
    click.option("--capture-days", type=click.IntRange(min=1), help="How long they are kept. Default: 30."),
    click.option("--capture-gb", type=click.FloatRange(min=0.001), help="How much is kept of them. Default: 1."),
    click.option("--method", metavar="NAME", help="Without a script: what is called when a request names nothing."),
    click.option(
        "-e", "variables", multiple=True, metavar="KEY=VALUE", callback=key_values, help="An environment variable."
    ),
    click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", callback=keys_or_values, help="A tag. Repeat."),
    click.option("--description", metavar="TEXT"),
    click.option("--version", metavar="NAME", default="", help="Of an endpoint: this version of it."),
    click.option("--traffic", type=click.IntRange(0, 100), help="Percent of the endpoint's requests for the version."),
    click.option("--default", "is_default", is_flag=True, help="What is left over of the requests is the version's."),
)


def deployment_options(function: F) -> F:
    """All of them; the command takes them as `**asked` and hands them to `Asked`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


class Asked(NamedTuple):
    """What the options ask for."""

    deployment: Deployment
    source: Source | None
    """Files to send; None when no script is named."""

    @property
    def entries(self) -> list[Entry]:
        return self.source.entries if self.source is not None else []

    def send(self, held: Connection, call: Callable[[], DeployAnswer]) -> DeployAnswer:
        """Make a call, and bring the files that the server lacks."""
        sources = self.source.sources if self.source is not None else {}
        return submit_with_blobs(call, held.client, held.workspace_id, sources)


def deployment_of(
    options: Mapping[str, Any],
    before: Deployment,
    name: str,
    folder: Path,
    where: Workspace,
    inference: InferenceConfig | None = None,
) -> Asked:
    """The deployment that the options make of an earlier or an empty one: what none names stays.

    Args:
        name: The service's, after which an environment from a file is called.
        inference: What --ic holds; --conda, --pip and --env go before its environment, as they did in v1.

    Raises:
        InvalidInput: for options that do not go together, or files that cannot be read.
    """
    held = where._connection
    changes: dict[str, Any] = {
        field: options[option]
        for field, option in (
            ("port", "port"),
            ("target", "target"),
            ("auth", "auth"),
            ("scoring_timeout_ms", "timeout_ms"),
            ("max_wait_ms", "max_wait_ms"),
            ("max_concurrent", "concurrency"),
            ("method", "method"),
        )
        if options[option] is not None
    }
    if options["models"]:
        changes["model_ids"] = [_model_id(held, text) for text in options["models"]]
    if options["cors_origins"]:
        changes["cors_origins"] = list(options["cors_origins"])
    if options["variables"]:
        changes["variables"] = {**before.variables, **options["variables"]}
    changes.update(_scale(options))
    changes.update(_capture(options, before.capture))
    if options["cpu"] is not None or options["memory_gb"] is not None:
        earlier = before.resources or Resources()
        cpu = earlier.cpu if options["cpu"] is None else options["cpu"]
        memory = earlier.memory_gb if options["memory_gb"] is None else options["memory_gb"]
        changes["resources"] = earlier._replace(cpu=cpu, memory_gb=memory)
    packages = source.Packages(options["conda"], options["pip_file"], options["environment"]).check()
    made = source.environment(folder, packages, f"{name}-env", where)
    if made is not None:
        changes["environment"] = made._to_spec()
    deployment = before._replace(**changes)
    is_of_aks = deployment.auth != OPEN or deployment.autoscale or deployment.replicas or deployment.target
    if deployment.kind == LOCAL_SERVICE and is_of_aks:
        # In v1 only those had keys, more than one process, or a cluster.
        deployment = deployment._replace(kind=AKS_SERVICE)
    if inference is not None:
        if options["script"] is not None or options["source_folder"] is not None:
            raise InvalidInput("--ic names the entry script: --script and --source go without it.")
        wanted = with_inference(deployment, inference)
        of_options = wanted.deployment._replace(environment=deployment.environment)
        return Asked(wanted.deployment if made is None else of_options, wanted.source)
    if options["script"] is None:
        if options["source_folder"] is not None:
            raise InvalidInput("--source needs --script, which says what is run of it.")
        return Asked(deployment, None)
    root = None if options["source_folder"] is None else folder / options["source_folder"]
    script = options["script"] if root is not None else folder / options["script"]
    config = InferenceConfig(script, source_directory=root, environment=made)
    wanted = with_inference(deployment, config)
    return Asked(wanted.deployment._replace(environment=deployment.environment), wanted.source)


def _scale(options: Mapping[str, Any]) -> dict[str, Any]:
    if options["replicas"] is not None and options["autoscale"] is not None:
        raise InvalidInput("--replicas and --autoscale cannot be given together.", hint="keep one of them.")
    if options["replicas"] is not None:
        return {"replicas": options["replicas"], "autoscale": None}
    if options["autoscale"] is None:
        return {}
    least, sign, most = options["autoscale"].partition(":")
    if not (sign and least.isascii() and least.isdigit() and most.isascii() and most.isdigit()):
        raise InvalidInput(f"{options['autoscale']!r} is not MIN:MAX, such as 1:4.")
    return {"replicas": None, "autoscale": Autoscale(int(least), int(most))}


def _capture(options: Mapping[str, Any], before: Capture | None) -> dict[str, Any]:
    share, days, size_gb = (options[name] for name in ("capture", "capture_days", "capture_gb"))
    if share == 0:
        return {"capture": None}
    if share is None and before is None and (days, size_gb) != (None, None):
        raise InvalidInput("--capture-days and --capture-gb need --capture, which says how many requests are kept.")
    made = before or Capture(inputs=True, predictions=True)
    if share is not None:
        made = made._replace(share=share / 100)
    if days is not None:
        made = made._replace(keep_days=days)
    if size_gb is not None:
        made = made._replace(keep_bytes=int(size_gb * (1 << 30)))
    return {"capture": made} if (share, days, size_gb) != (None, None, None) else {}


def _model_id(held: Connection, text: str) -> str:
    from amlet.cli.find_model import find_model

    return find_model(held, text).id
