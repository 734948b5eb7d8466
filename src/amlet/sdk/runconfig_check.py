"""What of a run configuration cannot be run here, told before anything is sent."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from amlet.sdk.config_element import faults
from amlet.sdk.notice import warn
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.runconfig_data import READ_IN_THE_SCRIPT

FRAMEWORKS = ("Python", "PyTorch", "TensorFlow")
COMMUNICATORS = ("None", "ParameterServer", "OpenMpi", "IntelMpi", "Nccl", "Gloo")
_DATA = ("data_references", "data", "output_data", "datacaches", "source_directory_data_store")
_CHECKED_ELSEWHERE = (
    "script",
    "arguments",
    "command",
    "environment",
    "environment_variables",
    "max_run_duration_seconds",
)
_ONE_PROCESS = "leave it at 1; to use more cores, pass n_jobs to scikit-learn."


class SettingFault(NamedTuple):
    """One setting that cannot be: where it stands, what is wrong, and what to do."""

    path: str
    message: str
    hint: Optional[str] = None


def setting_faults(settings: RunConfiguration) -> List[SettingFault]:
    """Every setting of the wrong type, and every one that asks for what amlet does not have.

    Script, arguments, command, environment, variables and duration are checked by the submit itself.
    """
    fields = {name: field for name, field in settings._FIELDS.items() if name not in _CHECKED_ELSEWHERE}
    found = [SettingFault(path, message) for path, message in faults(settings, fields)]
    if not found:
        found = _several_processes(settings) + _other_ways(settings)
    return found


def tell_what_has_no_effect(settings: RunConfiguration) -> None:
    """Say on stderr what of the settings is accepted and has no effect here."""
    if settings.docker.use_docker and not settings.environment.docker._has_own_image():
        warn("use_docker has no effect: the run is a process in its own environment, not in a container.")


def _several_processes(settings: RunConfiguration) -> List[SettingFault]:
    counts = (
        ("node_count", settings.node_count),
        ("mpi.process_count_per_node", settings.mpi.process_count_per_node),
        ("pytorch.process_count", settings.pytorch.process_count or 1),
        ("tensorflow.worker_count", settings.tensorflow.worker_count),
        ("tensorflow.parameter_server_count", settings.tensorflow.parameter_server_count),
    )
    return [
        SettingFault(
            path,
            f"must be 1, not {count!r}: a run has one process on one node; several are not there yet",
            _ONE_PROCESS,
        )
        for path, count in counts
        if count != 1
    ]


def _other_ways(settings: RunConfiguration) -> List[SettingFault]:
    found = []
    for path, value, allowed in (
        ("framework", settings.framework, FRAMEWORKS),
        ("communicator", settings.communicator, COMMUNICATORS),
    ):
        if str(value).lower() not in [name.lower() for name in allowed]:
            found.append(SettingFault(path, f"must be one of {', '.join(allowed)}, not {value!r}"))
    for name in _DATA:
        value = getattr(settings, name)
        if value:
            shown = ", ".join(map(str, value)) if isinstance(value, dict) else "it"
            message = f"is set ({shown}), and a run gets no data from datastores or datasets"
            found.append(SettingFault(name, message, READ_IN_THE_SCRIPT))
    if settings.services:
        names = ", ".join(map(str, settings.services))
        found.append(
            SettingFault("services", f"names {names}, and no program is served beside a run", "start it in the script.")
        )
    if settings.target.lower() == "amlcompute":
        found.append(
            SettingFault(
                "target",
                f"is {settings.target!r}: no cluster is made for one run",
                "make one with ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(...)).",
            )
        )
    return found
