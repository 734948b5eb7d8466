"""What of a run configuration cannot be run here, told before anything is sent."""

from __future__ import annotations

from typing import List, NamedTuple, Optional

from amlet.domain.job import JOBLIB, RETRIES_LIMIT
from amlet.sdk.config_element import faults
from amlet.sdk.notice import warn
from amlet.sdk.runconfig import RunConfiguration
from amlet.sdk.spread import spread_faults

FRAMEWORKS = ("Python", "PyTorch", "TensorFlow")
COMMUNICATORS = ("None", "ParameterServer", "OpenMpi", "IntelMpi", "Nccl", "Gloo", JOBLIB)
_DATA = ("datacaches", "source_directory_data_store")
USE_INPUTS = "give data to the run as dataset.as_named_input(name).as_mount() in its arguments."
_CHECKED_ELSEWHERE = (
    "script",
    "arguments",
    "command",
    "environment",
    "environment_variables",
    "max_run_duration_seconds",
)


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
        found = _several_processes(settings) + _retries(settings) + _other_ways(settings)
    return found


def tell_what_has_no_effect(settings: RunConfiguration) -> None:
    """Say on stderr what of the settings is accepted and has no effect here."""
    if settings.docker.use_docker and not settings.environment.docker._has_own_image():
        warn("use_docker has no effect: the run is a process in its own environment, not in a container.")


def _several_processes(settings: RunConfiguration) -> List[SettingFault]:
    return [SettingFault(*fault) for fault in spread_faults(settings)]


def _retries(settings: RunConfiguration) -> List[SettingFault]:
    found = []
    if not 0 <= (settings.retries or 0) <= RETRIES_LIMIT:
        found.append(SettingFault("retries", f"must be from 0 to {RETRIES_LIMIT}, not {settings.retries!r}"))
    codes = [code for code in settings.retry_codes or [] if not _is_code(code)]
    if codes:
        shown = ", ".join(map(repr, codes[:10]))
        found.append(SettingFault("retry_codes", f"must hold whole numbers from 1 to 255, not {shown}"))
    elif settings.retry_codes and not settings.retries:
        found.append(
            SettingFault("retry_codes", "is set, and retries is 0: nothing would be tried again", "set retries, too.")
        )
    return found


def _is_code(code: object) -> bool:
    return isinstance(code, int) and not isinstance(code, bool) and 1 <= code <= 255


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
            message = f"is set ({shown}), and has no counterpart here"
            found.append(SettingFault(name, message, USE_INPUTS))
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
