"""v1's two files of a deployment, inferenceconfig.json and deploymentconfig.json (v1-behaviours 15.28)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.names import closest
from amlet.sdk.conda_dependencies import CondaDependencies, parse_conda_yaml
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.inference_config import InferenceConfig
from amlet.sdk.runconfig_environment import ENVIRONMENT, REGISTRY
from amlet.sdk.runconfig_yaml import Reader
from amlet.sdk.webservice.aci_configuration import AciServiceDeploymentConfiguration
from amlet.sdk.webservice.aks_configuration import AksServiceDeploymentConfiguration
from amlet.sdk.webservice.configuration import (
    LocalWebserviceDeploymentConfiguration,
    WebserviceDeploymentConfiguration,
)
from amlet.sdk.workspace import Workspace

TEXT, FLAG, NUMBER, ANY = "a text", "true or false", "a number", ""

INFERENCE: dict[str, tuple[str, str]] = {
    "entryScript": ("entry_script", TEXT),
    "sourceDirectory": ("source_directory", TEXT),
    "environment": ("environment", ANY),
    "description": ("description", TEXT),
    "runtime": ("runtime", TEXT),
    "condaFile": ("conda_file", TEXT),
    "extraDockerfileSteps": ("extra_docker_file_steps", TEXT),
    "enableGpu": ("enable_gpu", FLAG),
    "cudaVersion": ("cuda_version", TEXT),
    "baseImage": ("base_image", TEXT),
    "baseImageRegistry": ("base_image_registry", ANY),
}
"""Keys, the arguments of `InferenceConfig` that they are, and what they hold."""

_LOCAL = {"port": ("port", NUMBER)}
_SHARED = {
    "containerResourceRequirements.cpu": ("cpu_cores", NUMBER),
    "containerResourceRequirements.memoryInGB": ("memory_gb", NUMBER),
    "authEnabled": ("auth_enabled", FLAG),
    "appInsightsEnabled": ("enable_app_insights", FLAG),
    "dataCollection.storageEnabled": ("collect_model_data", FLAG),
    "keys.primaryKey": ("primary_key", TEXT),
    "keys.secondaryKey": ("secondary_key", TEXT),
}
_ACI = {
    **_SHARED,
    "location": ("location", TEXT),
    "sslEnabled": ("ssl_enabled", FLAG),
    "sslCertificate": ("ssl_cert_pem_file", TEXT),
    "sslKey": ("ssl_key_pem_file", TEXT),
    "cname": ("ssl_cname", TEXT),
    "dnsNameLabel": ("dns_name_label", TEXT),
    "vnetConfiguration.vnetName": ("vnet_name", TEXT),
    "vnetConfiguration.subnetName": ("subnet_name", TEXT),
    "encryptionProperties.vaultBaseUrl": ("cmk_vault_base_url", TEXT),
    "encryptionProperties.keyName": ("cmk_key_name", TEXT),
    "encryptionProperties.keyVersion": ("cmk_key_version", TEXT),
}
_AKS = {
    **_SHARED,
    "containerResourceRequirements.cpuLimit": ("cpu_cores_limit", NUMBER),
    "containerResourceRequirements.memoryInGBLimit": ("memory_gb_limit", NUMBER),
    "containerResourceRequirements.gpu": ("gpu_cores", NUMBER),
    "gpuCores": ("gpu_cores", NUMBER),
    "autoScaler.autoscaleEnabled": ("autoscale_enabled", FLAG),
    "autoScaler.minReplicas": ("autoscale_min_replicas", NUMBER),
    "autoScaler.maxReplicas": ("autoscale_max_replicas", NUMBER),
    "autoScaler.refreshPeriodInSeconds": ("autoscale_refresh_seconds", NUMBER),
    "autoScaler.targetUtilization": ("autoscale_target_utilization", NUMBER),
    "numReplicas": ("num_replicas", NUMBER),
    "tokenAuthEnabled": ("token_auth_enabled", FLAG),
    "scoringTimeoutMs": ("scoring_timeout_ms", NUMBER),
    "maxConcurrentRequestsPerContainer": ("replica_max_concurrent_requests", NUMBER),
    "maxQueueWaitMs": ("max_request_wait_time", NUMBER),
    "livenessProbeRequirements.periodSeconds": ("period_seconds", NUMBER),
    "livenessProbeRequirements.initialDelaySeconds": ("initial_delay_seconds", NUMBER),
    "livenessProbeRequirements.timeoutSeconds": ("timeout_seconds", NUMBER),
    "livenessProbeRequirements.successThreshold": ("success_threshold", NUMBER),
    "livenessProbeRequirements.failureThreshold": ("failure_threshold", NUMBER),
    "namespace": ("namespace", TEXT),
    "computeTargetName": ("compute_target_name", TEXT),
}
DEPLOYMENT: dict[str, tuple[Callable[..., WebserviceDeploymentConfiguration], dict[str, tuple[str, str]]]] = {
    "local": (LocalWebserviceDeploymentConfiguration, _LOCAL),
    "aci": (AciServiceDeploymentConfiguration, _ACI),
    "aks": (AksServiceDeploymentConfiguration, _AKS),
}
"""By `computeType`: the configuration, and of its keys the arguments that they are and what they hold."""

_COMPUTE_TYPE = "computeType"
_IN_CLEAR = "cannot be true: services answer on this machine, in clear. Put a proxy that speaks TLS in front of it"


class DeploymentFiles(NamedTuple):
    """What the files ask for; None where there is no such file."""

    inference: InferenceConfig | None = None
    configuration: WebserviceDeploymentConfiguration | None = None


def read_deployment_files(
    inference: str | None, deployment: str | None, folder: Path, where: Workspace
) -> DeploymentFiles:
    """Read the files, each JSON or YAML as in v1.

    Paths in them lead from `folder`, as v1's did from where its command was started. Only where nothing lies there
    they lead from the file's own folder.

    Args:
        where: Where an environment is looked up that is named only.

    Raises:
        InvalidInput: with every fault of both files; for a file that cannot be read.
        AmletError: if the environment is not there.
    """
    faults: dict[str, list[FieldError]] = {}
    config = configuration = None
    if inference is not None:
        faults[inference] = []
        config = _inference(_mapping(folder / inference), folder / inference, folder, where, faults[inference])
    if deployment is not None:
        found: list[FieldError] = []
        configuration = _configuration(_mapping(folder / deployment), found)
        faults.setdefault(deployment, []).extend(found)
    faulty = {name: found for name, found in faults.items() if found}
    if len(faulty) == 1:
        ((name, found),) = faulty.items()
        raise InvalidInput.of(found, subject=name)
    if faulty:
        every = [FieldError(f"{name}: {path}", text) for name, found in faulty.items() for path, text in found]
        raise InvalidInput.of(every, subject="the files of the deployment")
    return DeploymentFiles(config, configuration)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {path}.") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path} cannot be read: {' '.join(str(error).split())}.") from error
    if not isinstance(told, dict):
        raise InvalidInput(f"{path} must hold a JSON object, not {'nothing' if told is None else type(told).__name__}.")
    return {str(key): value for key, value in told.items()}


def _inference(
    told: dict[str, Any], file: Path, folder: Path, where: Workspace, faults: list[FieldError]
) -> InferenceConfig | None:
    arguments = _arguments(told, INFERENCE, faults)
    if not told.get("entryScript"):
        faults.append(FieldError("entryScript", "is missing: a .py file with init() and run()"))
        return None
    base = _base(told, file, folder)
    if "environment" in arguments:
        arguments["environment"] = _environment(told["environment"], base, where, faults)
    if "base_image_registry" in arguments:
        arguments["base_image_registry"] = _filled(ContainerRegistry(), told, "baseImageRegistry", REGISTRY, faults)
    if arguments.get("source_directory"):
        arguments["source_directory"] = base / arguments["source_directory"]
    else:
        for name in ("entry_script", "conda_file", "extra_docker_file_steps"):
            if isinstance(arguments.get(name), str):
                arguments[name] = base / arguments[name]
    if "entry_script" not in arguments:
        return None
    try:
        return InferenceConfig(**arguments)
    except WebserviceException as error:
        faults.extend(_in_words_of(error.message, INFERENCE))
        return None


def _base(told: Mapping[str, Any], file: Path, folder: Path) -> Path:
    """Where the file's paths lead from."""
    first = str(told.get("sourceDirectory") or told.get("entryScript"))
    return file.parent if not (folder / first).exists() and (file.parent / first).exists() else folder


def _environment(told: Any, base: Path, where: Workspace, faults: list[FieldError]) -> Environment | None:
    """An environment that is described, or one that is only named: `sklearn-env`, `sklearn-env:2`, {"name": ...}."""
    if isinstance(told, str) and told:
        label, _, version = told.partition(":")
        return Environment.get(where, label, version or None)
    if not isinstance(told, dict):
        faults.append(FieldError("environment", f"must be an object, or a name, not {told!r}"))
        return None
    name = told.get("name")
    if not isinstance(name, str) or not name:
        faults.append(FieldError("environment.name", "is missing" if name is None else f"must be a text, not {name!r}"))
        return None
    if not {key for key, value in told.items() if value is not None} - {"name", "version"}:
        return Environment.get(where, name, None if told.get("version") is None else str(told["version"]))
    made = Environment(name)
    _filled(made, {"environment": told}, "environment", ENVIRONMENT, faults)
    python = told.get("python")
    inline = python.get("condaDependencies") if isinstance(python, dict) else None
    named = made.python.conda_dependencies_file
    if named:
        made.python.conda_dependencies_file = str(base / named)
        if not (base / named).is_file():
            place = (base / named).absolute()
            faults.append(FieldError("environment.python.condaDependenciesFile", f"there is no file {place}"))
    elif inline is not None:
        try:
            structure = parse_conda_yaml(yaml.safe_dump(inline), "condaDependencies")
        except UserErrorException as error:
            faults.append(FieldError("environment.python.condaDependencies", error.message.rstrip(".")))
        else:
            made.python.conda_dependencies = CondaDependencies(_underlying_structure=structure)
    return made


def _filled(element: Any, told: Mapping[str, Any], key: str, fields: Any, faults: list[FieldError]) -> Any:
    """An element with what an object holds."""
    content = told[key]
    if not isinstance(content, dict):
        faults.append(FieldError(key, f"must be an object, not {content!r}"))
        return element
    reader = Reader(key)
    reader.fill(element, content, fields, f"{key}.")
    faults.extend(FieldError(*fault) for fault in reader.faults)
    faults.extend(FieldError(path, "is no key of this file") for path in reader.unknown)
    return element


def _configuration(told: dict[str, Any], faults: list[FieldError]) -> WebserviceDeploymentConfiguration | None:
    kind = told.pop(_COMPUTE_TYPE, None)
    known = DEPLOYMENT.get(kind.lower()) if isinstance(kind, str) else None
    if known is None:
        problem = "is missing" if kind is None else f"cannot be {kind!r}"
        faults.append(FieldError(_COMPUTE_TYPE, f"{problem}: one of {', '.join(DEPLOYMENT)}"))
        return None
    make, keys = known
    arguments = _arguments(_flat(told, keys, faults), keys, faults)
    if arguments.pop("ssl_enabled", None):
        faults.append(FieldError("sslEnabled", _IN_CLEAR))
    try:
        return make(**arguments)
    except WebserviceException as error:
        faults.extend(_in_words_of(error.message, keys))
        return None


def _flat(told: Mapping[str, Any], keys: Mapping[str, Any], faults: list[FieldError]) -> dict[str, Any]:
    """Objects that hold keys, resolved: `{"keys": {"primaryKey": "x"}}` becomes `{"keys.primaryKey": "x"}`."""
    outer = {key.partition(".")[0] for key in keys if "." in key}
    found: dict[str, Any] = {}
    for key, value in told.items():
        if key not in outer:
            found[key] = value
        elif isinstance(value, dict):
            found.update({f"{key}.{inner}": item for inner, item in value.items()})
        elif value is not None:
            faults.append(FieldError(key, f"must be an object, not {value!r}"))
    return found


def _arguments(
    told: Mapping[str, Any], keys: Mapping[str, tuple[str, str]], faults: list[FieldError]
) -> dict[str, Any]:
    """Arguments of what is given; null means not given, as in v1."""
    found: dict[str, Any] = {}
    for key, value in told.items():
        if key not in keys:
            near = closest(key, list(keys)).strip()
            faults.append(FieldError(key, f"is no key of this file{'; ' + near if near else ''}"))
            continue
        name, kind = keys[key]
        if value is None:
            continue
        if _is_of(value, kind):
            found[name] = value
        else:
            faults.append(FieldError(key, f"must be {kind}, not {value!r}"))
    return found


def _is_of(value: Any, kind: str) -> bool:
    if kind == FLAG:
        return isinstance(value, bool)
    if kind == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return kind == ANY or isinstance(value, str)


def _in_words_of(message: str, keys: Mapping[str, tuple[str, str]]) -> list[FieldError]:
    """The faults that a class of v1's tells, a field each, its arguments under the file's keys."""
    of_argument = {name: key for key, (name, _) in keys.items()}
    faults = []
    for told in re.sub(r"^Invalid \w+: |\.$", "", message).split("; "):
        words = re.sub(r"\w+", lambda found: of_argument.get(found[0], found[0]), told)
        path, _, text = words.partition(" ")
        is_key = path.rstrip(":") in keys
        faults.append(FieldError(path.rstrip(":"), text) if is_key else FieldError("", words))
    return faults
