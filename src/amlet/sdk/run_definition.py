"""v1's dictionaries of a run: `get_details()` and the `runDefinition` in it (v1-behaviours 3.1-3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

from amlet.base.clock import to_iso
from amlet.domain.data import INPUT, OUTPUT
from amlet.domain.run import folder_of_attempt
from amlet.sdk.config_element import ConfigElement, plain

if TYPE_CHECKING:
    from amlet.domain.data import DataUse
    from amlet.domain.run import PastAttempt, RunError
    from amlet.sdk.runconfig import RunConfiguration
    from amlet.wire.runs import RunDetails

LOG_FOLDERS = ("azureml-logs/", "user_logs/", "logs/", "system_logs/")


def run_definition(
    config: RunConfiguration, *, script: Optional[str], command: str, arguments: List[str]
) -> Dict[str, Any]:
    """What v1 records of a submitted script. Arguments are texts, whatever the user gave (v1-behaviours 3.3)."""
    return {
        "script": script,
        "command": command,
        "useAbsolutePath": False,
        "arguments": list(arguments),
        "sourceDirectoryDataStore": None,
        "framework": config.framework,
        "communicator": config.communicator,
        "target": config.target,
        "dataReferences": {},
        "data": {},
        "outputData": {},
        "datacaches": [],
        "jobName": None,
        "maxRunDurationSeconds": config.max_run_duration_seconds,
        "nodeCount": config.node_count,
        "instanceTypes": [],
        "priority": config.priority,
        "credentialPassthrough": config.credential_passthrough,
        "identity": None,
        "environment": config.environment._to_definition(),
        "history": {
            "outputCollection": config.history.output_collection,
            "directoriesToWatch": list(config.history.directories_to_watch),
            "enableMLflowTracking": True,
            "snapshotProject": config.history.snapshot_project,
        },
        "spark": _section(config.spark),
        "parallelTask": _section(config.paralleltask),
        "amlCompute": {"name": None, "vmSize": None, "retainCluster": False, "clusterMaxNodeCount": None},
        "aiSuperComputer": {},
        "tensorflow": _section(config.tensorflow),
        "mpi": _section(config.mpi),
        "pyTorch": _section(config.pytorch),
        "hdi": _section(config.hdi),
        "containerInstance": {"region": None, "cpuCores": 2.0, "memoryGb": 3.5},
        "exposedPorts": None,
        "docker": _section(config.docker),
        "commandReturnCodeConfig": {"returnCode": "Zero", "successfulReturnCodes": []},
        "environmentVariables": dict(config.environment_variables),
        "applicationEndpoints": {},
    }


def details(found: RunDetails, *, log_urls: Mapping[str, str]) -> Dict[str, Any]:
    """The dictionary of `get_details()`.

    Args:
        log_urls: The address of each log by its name.
    """
    run = found.run
    told: Dict[str, Any] = {"runId": run.id, "target": run.target, "status": run.status}
    if run.started is not None:
        told["startTimeUtc"] = to_iso(run.started)
    if run.ended is not None:
        told["endTimeUtc"] = to_iso(run.ended)
    told["services"] = {}
    if run.error is not None:
        told["error"] = error_details(run.error)
    told["warnings"] = [{"source": warning.source, "message": warning.message} for warning in run.warnings]
    told["properties"] = dict(run.properties)
    told["inputDatasets"] = [_input(use) for use in found.data if use.direction == INPUT]
    told["outputDatasets"] = [_output(use) for use in found.data if use.direction == OUTPUT]
    told["runDefinition"] = _definition(found)
    told["logFiles"] = dict(log_urls)
    told["submittedBy"] = None
    if run.past:
        told["attempts"] = [_attempt(past) for past in run.past]
    return told


def _input(use: DataUse) -> Dict[str, Any]:
    how = {
        "type": "RunInput",
        "inputName": use.name,
        "mechanism": use.mode.capitalize(),
        "pathOnCompute": use.path_on_compute,
    }
    return {
        "dataset": _dataset(use),
        "consumptionDetails": {key: value for key, value in how.items() if value is not None},
    }


def _output(use: DataUse) -> Dict[str, Any]:
    return {"dataset": _dataset(use), "outputType": "RunOutput", "outputDetails": {"outputName": use.name}}


def _dataset(use: DataUse) -> Dict[str, Any]:
    told: Dict[str, Any] = {"id": use.dataset_id, "name": use.dataset_name, "version": use.dataset_version}
    found = {key: value for key, value in told.items() if value is not None}
    found["source"] = [source.path if source.datastore is None else list(source) for source in use.sources]
    return found


def _attempt(past: PastAttempt) -> Dict[str, Any]:
    """An attempt that was followed by another. v1 had none: a run that was tried once has no such key."""
    return {
        "number": past.number,
        "node": past.node,
        "startTimeUtc": to_iso(past.started) if past.started else None,
        "endTimeUtc": to_iso(past.ended),
        "error": error_details(past.error),
        "logFolder": f"user_logs/{folder_of_attempt(past.number)}",
    }


def error_details(error: RunError) -> Dict[str, Any]:
    """Why a run failed, under v1's keys (v1-behaviours 6.8)."""
    return {
        "code": error.code,
        "message": error.message,
        "debug_type": error.type,
        "debug_message": error.message,
        "debug_stack_trace": error.stack_trace,
        "details_uri": None,
    }


def log_names(found: RunDetails) -> List[str]:
    """The names of a run's logs, sorted."""
    return sorted(file.path for file in found.files if file.path.startswith(LOG_FOLDERS))


def _section(element: ConfigElement) -> Dict[str, Any]:
    return plain(element, element._FIELDS)


def _definition(found: RunDetails) -> Dict[str, Any]:
    if found.job is None:
        return {}
    told = dict(found.job.definition)
    spec = found.job.environment
    environment = dict(told.get("environment") or {"name": spec.name})
    # The version is given by the server, after the definition was written.
    environment["version"] = spec.version
    told["environment"] = environment
    return told
