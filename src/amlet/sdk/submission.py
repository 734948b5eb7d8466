"""A submit: check everything, scan the folder, send what the server lacks, record the run."""

from __future__ import annotations

import copy
import os
import shlex
import tempfile
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Type

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.ids import uuid4_text
from amlet.base.names import RUN_ID
from amlet.base.paths import Home
from amlet.domain.job import Job
from amlet.sdk.environment import Environment
from amlet.sdk.environment_spec import with_docker
from amlet.sdk.exceptions import AzureMLException, ExperimentExecutionException, UserErrorException, as_v1
from amlet.sdk.job_data import JobData
from amlet.sdk.notice import warn
from amlet.sdk.run_definition import run_definition
from amlet.sdk.run_marks import tags_of
from amlet.sdk.runconfig_check import setting_faults, tell_what_has_no_effect
from amlet.sdk.script_run import ScriptRun
from amlet.sdk.spread import spread_of

if TYPE_CHECKING:
    from amlet.domain.environment import EnvironmentSpec
    from amlet.domain.run import Run
    from amlet.sdk.experiment import Experiment
    from amlet.sdk.runconfig import RunConfiguration
    from amlet.sdk.script_run_config import ScriptRunConfig
    from amlet.wire.runs import SubmitAnswer, SubmitRun


class Fault(NamedTuple):
    """One thing wrong with a configuration, and the exception that v1's callers expect for it."""

    kind: Type[AzureMLException]
    field: FieldError
    hint: Optional[str] = None


class Checked(NamedTuple):
    """A configuration in which nothing is wrong."""

    folder: Path
    script: Optional[str]
    command: Optional[str]
    arguments: List[str]
    spec: EnvironmentSpec
    data: JobData


class Sent(NamedTuple):
    """A run that the server has, and what it was made of."""

    run: Run
    folder: str
    settings: RunConfiguration


def submit_script(
    experiment: Experiment,
    config: ScriptRunConfig,
    tags: Dict[str, Optional[str]],
    *,
    run_id: Optional[str] = None,
    display_name: Optional[str] = None,
    description: Optional[str] = None,
    parent_id: Optional[str] = None,
) -> ScriptRun:
    """Submit a script, see `Experiment.submit`."""
    held = experiment.workspace._connection
    sent = send(
        experiment,
        config,
        tags,
        lambda asked: held.client.runs.submit(held.workspace_id, asked),
        run_id=run_id,
        display_name=display_name,
        description=description,
        parent_id=parent_id,
    )
    return ScriptRun(experiment, sent.run.id, directory=sent.folder, _run_config=sent.settings, _record=sent.run)


def send(
    experiment: Experiment,
    config: ScriptRunConfig,
    tags: Dict[str, Optional[str]],
    call: Callable[[SubmitRun], SubmitAnswer],
    *,
    run_id: Optional[str] = None,
    display_name: Optional[str] = None,
    description: Optional[str] = None,
    parent_id: Optional[str] = None,
) -> Sent:
    """Check a script's configuration, and bring it with all that it needs.

    Args:
        call: Asks the server for the run; called again once blobs that it lacked were sent.
    """
    from amlet.client.snapshot import scan
    from amlet.client.uploads import sources_of, submit_with_blobs
    from amlet.domain.run import UNCOMMITTED
    from amlet.sdk.git import DIRTY, git_properties, uncommitted_diff
    from amlet.sdk.local_files import files_below
    from amlet.sdk.progress import Progress
    from amlet.wire.runs import SubmitRun

    config = copy.deepcopy(config)
    checked = check(config, run_id=run_id)
    config.run_config.environment._tell_what_is_left_out()
    tell_what_has_no_effect(config.run_config)
    with as_v1():
        snapshot = scan(checked.folder, home=Home.find())
    for message in snapshot.warnings:
        warn(message)
    settings = config.run_config
    spread = spread_of(settings)
    job = Job(
        environment=checked.spec,
        snapshot_id="",
        script=checked.script,
        arguments=checked.arguments,
        command=checked.command,
        target=settings.target,
        variables={key: str(value) for key, value in settings.environment_variables.items()},
        max_duration_s=settings.max_run_duration_seconds,
        priority=settings.priority or 0,
        node_count=spread.node_count,
        processes_per_node=spread.processes_per_node,
        communicator=spread.communicator,
        retries=settings.retries or 0,
        retry_codes=sorted(set(settings.retry_codes or [])),
        inputs=checked.data.to_inputs(experiment.workspace),
        outputs=checked.data.to_outputs(),
        definition=run_definition(
            settings, script=checked.script, command=checked.command or "", arguments=checked.arguments
        ),
    )
    asked = SubmitRun(
        experiment=experiment.name,
        job=job,
        snapshot=snapshot.entries,
        submission_id=uuid4_text(),
        run_id=run_id,
        display_name=display_name,
        description=description,
        tags=tags_of(tags),
        properties=git_properties(checked.folder),
        parent_id=parent_id,
    )
    held = experiment.workspace._connection
    with as_v1(), tempfile.TemporaryDirectory(prefix="amlet-") as place:
        sources = sources_of(snapshot.folder, snapshot.entries)
        if asked.properties.get(DIRTY) == "True":
            diff = uncommitted_diff(checked.folder, Path(place))
            if diff is not None:
                changes = files_below(diff, UNCOMMITTED)
                asked, sources = asked._replace(files=changes.entries), {**sources, **changes.sources}
        with Progress("sending") as progress:
            answer = submit_with_blobs(
                lambda: call(asked),
                held.client,
                held.workspace_id,
                sources,
                progress,
            )
    assert answer.run is not None
    checked.data.note_run(answer.run)
    return Sent(answer.run, str(checked.folder), settings)


def check(config: ScriptRunConfig, *, run_id: Optional[str] = None) -> Checked:
    """Check a whole configuration.

    Raises:
        ExperimentExecutionException: if only the script is at fault (v1-behaviours 8.7).
        UserErrorException: with every fault, otherwise.
    """
    faults: List[Fault] = []
    folder = Path(config.source_directory or ".")
    has_folder = _folder(folder, faults)
    has_command = bool(config.command)
    data = JobData()
    command = _command(config.command, data, faults)
    arguments = [] if has_command else _arguments(config.arguments, data, faults)
    data.take_sections(config.run_config)
    script = None if has_command else _script(folder, config.script, faults, has_folder=has_folder)
    spec = _environment(config.run_config.environment, faults)
    settings = config.run_config
    variables: Dict[Any, Any] = settings.environment_variables
    for key, value in variables.items():
        if not isinstance(key, str) or not isinstance(value, (str, int, float)):
            faults.append(_fault(f"environment_variables[{key!r}]", f"must be a text, not {value!r}"))
    duration = settings.max_run_duration_seconds
    if duration is not None and (not isinstance(duration, int) or isinstance(duration, bool) or duration <= 0):
        faults.append(_fault("max_run_duration_seconds", f"must be a whole number above 0 or None, not {duration!r}"))
    faults.extend(_fault(*found) for found in setting_faults(settings))
    faults.extend(_fault(*found) for found in data.faults)
    if run_id is not None and not RUN_ID.allows(run_id):
        faults.append(_fault("run_id", f"{run_id!r} cannot name a run: {RUN_ID.words}"))
    if faults:
        raise _raised(faults)
    assert spec is not None
    return Checked(folder, script, command, arguments, with_docker(spec, settings.docker), data)


def _raised(faults: Sequence[Fault]) -> AzureMLException:
    if len(faults) == 1:
        only = faults[0]
        lead = "" if only.kind is ExperimentExecutionException else f"{only.field.path}: "
        return only.kind(lead + only.field.message, hint=only.hint)
    told = InvalidInput.of([fault.field for fault in faults], subject="the configuration of the run")
    hints = " ".join(fault.hint for fault in faults if fault.hint)
    return UserErrorException(told.message, fields=told.fields, hint=hints or None)


def _fault(path: str, message: str, hint: Optional[str] = None) -> Fault:
    return Fault(UserErrorException, FieldError(path, message), hint)


def _folder(folder: Path, faults: List[Fault]) -> bool:
    if folder.is_dir():
        return True
    what = "is not a folder" if folder.exists() else "is not there"
    faults.append(_fault("source_directory", f"{folder.absolute()} {what}", "give the folder that holds the script."))
    return False


def _script(folder: Path, script: Optional[str], faults: List[Fault], *, has_folder: bool) -> Optional[str]:
    from amlet.client.snapshot import check_script

    if not script:
        faults.append(_fault("script", "is missing", "pass script='train.py', or command=... in its place."))
        return None
    if not has_folder:
        return None
    try:
        return check_script(folder, script)
    except InvalidInput as error:
        faults.append(Fault(ExperimentExecutionException, FieldError("script", error.message), error.hint))
        return None


def _command(command: Any, data: JobData, faults: List[Fault]) -> Optional[str]:
    parts = list(command) if isinstance(command, (list, tuple)) else [command or ""]
    named = [data.shell_text_of(part, f"command[{number}]") for number, part in enumerate(parts)]
    parts = [part if text is None else text for part, text in zip(parts, named)]
    if all(isinstance(part, (str, Number)) for part in parts):
        return " ".join(str(part) for part in parts) or None
    faults.append(_fault("command", f"must be a text or a list of texts, not {command!r}"))
    return None


def _arguments(arguments: Any, data: JobData, faults: List[Fault]) -> List[str]:
    if arguments is None:
        return []
    if isinstance(arguments, str):
        try:
            return shlex.split(arguments)
        except ValueError as error:
            faults.append(_fault("arguments", f"cannot be split as a shell would: {error}"))
            return []
    if not isinstance(arguments, (list, tuple)):
        faults.append(_fault("arguments", f"must be a list or a text, not {type(arguments).__name__}"))
        return []
    texts = []
    for number, value in enumerate(arguments):
        text = data.text_of(value, f"arguments[{number}]")
        if text is None:
            text = _argument_text(value)
        if text is None:
            shown = "None" if value is None else f"{type(value).__name__} {value!r}"[:80]
            faults.append(_fault(f"arguments[{number}]", f"must be a text or a number, not {shown}"))
        else:
            texts.append(text)
    return texts


def _argument_text(value: Any) -> Optional[str]:
    if isinstance(value, (str, bool, Number)):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value) if isinstance(os.fspath(value), str) else None
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return str(value)
    return None


def _environment(environment: Any, faults: List[Fault]) -> Optional[EnvironmentSpec]:
    if not isinstance(environment, Environment):
        hint = "use Environment.get(ws, name=...) or Environment.from_conda_specification(...)."
        faults.append(_fault("environment", f"must be an Environment, not {type(environment).__name__}", hint))
        return None
    try:
        return environment._to_spec()
    except (UserErrorException, FileNotFoundError) as error:
        message = error.message if isinstance(error, UserErrorException) else str(error)
        faults.append(_fault("environment", message, getattr(error, "hint", None)))
        return None
