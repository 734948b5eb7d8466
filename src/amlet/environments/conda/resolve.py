"""From a spec that only conda can give to a lock: all of conda's lines at once, then pip's list around them.

All at once, since packages of conda's fit each other's libraries and not those in wheels.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import AmletError, EnvironmentFailed, StorageFailed
from amlet.base.units import human_seconds
from amlet.domain.environment import EnvironmentSpec, Lock, Package, lock_of
from amlet.environments import era, uv_errors
from amlet.environments import resolve as by_uv
from amlet.environments.conda import base, channels, pip_part
from amlet.environments.conda.backends import find_backend
from amlet.environments.conda.base import CondaBackend, CondaFailed, CondaPackage, Log
from amlet.environments.conda_lines import without_comment
from amlet.environments.conda_names import PROGRAMS, normalized, pypi_name
from amlet.environments.failures import FULL_LOG, WAYS_TO_CONDA, failure, refused
from amlet.environments.pythons import OLDEST, Minor, Python, minor_text, own_minor
from amlet.environments.requirements import (
    DROPPED,
    PROVIDED,
    RELAXED,
    Note,
    OnlyConda,
    Requirement,
    read,
    table,
)
from amlet.environments.uv_program import is_offline

_PROVIDED = re.compile(r"azureml(-.*)?")
_NAME = re.compile(r"^(.*::)?\s*[A-Za-z0-9_][A-Za-z0-9_.\-]*")

_KINDS = {base.UNREACHABLE: uv_errors.UNREACHABLE, base.BAD_HASH: uv_errors.BAD_HASH}
_HINTS = {
    base.UNSOLVABLE: "check the names, the versions and the channels of the spec, or drop a pin",
    base.UNREACHABLE: "check the network and the channels of the spec",
    base.BAD_HASH: "the channel gave another file than before: build the environment anew from its spec",
    base.OTHER: "see what it says",
}


class _AskedPython(NamedTuple):
    """What conda is asked for."""

    lines: list[str]
    as_of: str | None
    note: str
    relaxed: bool


def resolve(
    spec: EnvironmentSpec,
    only_conda: Sequence[OnlyConda],
    at_hand: Sequence[Python],
    log: Log,
    *,
    cache: Path,
    otherwise: AmletError | None = None,
) -> Lock:
    """Resolve a spec by a program of conda's.

    Args:
        only_conda: The lines that make it necessary.
        at_hand: Interpreters that uv can ask; conda brings its own.
        cache: The folder for what conda fetches.
        otherwise: The error to raise where conda cannot be asked; None says what conda is needed for.

    Raises:
        InvalidInput: a line that nothing can be made of.
        EnvironmentFailed: no program of conda's is here, nothing fits, or a channel cannot be reached.
        StorageFailed: the disk is full.
    """
    began = time.monotonic()
    if is_offline():
        names = ", ".join(held.name for held in only_conda)
        raise otherwise or EnvironmentFailed(
            f'Environment "{spec.name}" needs {names} of a conda channel, and the network is switched off.',
            hint="resolve it once with the network on.",
        )
    asked = _asked_python(spec.python)
    lines, notes = _conda_lines(spec.conda)
    wanted = read(spec._replace(conda=[]))
    found_channels = channels.channels_of(spec.channels, lines)
    steps = _Steps(spec, log)
    backend = find_backend(cache, with_dates=asked.as_of is not None)
    if backend is None:
        raise otherwise or _no_backend(spec, only_conda)
    names = ", ".join(held.name for held in only_conda)
    why = f"Only conda has {names}" if otherwise is None else f"PyPI has no {names}"
    steps.tell(f"{why}: {backend.name} resolves all of conda's lines.")
    steps.tell(asked.note, relaxes=asked.relaxed)
    for row in table([*notes, *wanted.notes]):
        log(row)
    for note in wanted.notes:
        if note.is_for_the_run:
            steps.add(str(note), relaxes=note.kind == RELAXED)
    log(f"Channels: {', '.join(found_channels)}.")
    try:
        packages, as_of = _solve(backend, [*asked.lines, *lines], found_channels, asked.as_of, steps)
    except CondaFailed as error:
        if otherwise is not None and error.kind == base.UNREACHABLE:
            # Whether the channel has it is not known; that the index has it not is.
            log(f"{backend.name}: {error.reason}.")
            raise otherwise from error
        what = f'could not resolve environment "{spec.name}"'
        raise failed(backend.name, what, error, _at_fault(spec.conda, error.reason)) from error
    python = _solved_python(packages)
    part = pip_part.solve(spec, _asks(python, at_hand), wanted, packages, as_of, log)
    for line in part.replaced:
        steps.tell(f"{line.line}: pip's line replaces conda's package.", relaxes=True)
    lock = _lock(python, packages, part, wanted.options, steps.told)
    took = human_seconds(time.monotonic() - began)
    listed = ", ".join(f"{package.name} {package.version}" for package in lock.packages)
    log(f"Locked for Python {lock.python} in {took}, {len(lock.conda)} packages of conda's: {listed}.")
    return lock


class _Steps:
    """What was done to a spec: told in the log and on the run, refused where the spec is strict."""

    def __init__(self, spec: EnvironmentSpec, log: Log) -> None:
        self._spec = spec
        self.log = log
        self.told: list[str] = []

    def tell(self, step: str, *, relaxes: bool = False) -> None:
        self.add(step, relaxes=relaxes)
        self.log(step)

    def add(self, step: str, *, relaxes: bool) -> None:
        if relaxes and self._spec.strict:
            raise refused(self._spec, step)
        self.told.append(step)


def _lock(
    python: tuple[int, int, int],
    packages: Sequence[CondaPackage],
    part: pip_part.PipPart,
    options: Sequence[str],
    notes: Sequence[str],
) -> Lock:
    replaced = {line.name for line in part.replaced}
    conda = sorted((package.file for package in packages), key=lambda held: held.url)
    return lock_of(
        minor_text(python[:2]),
        by_uv.this_platform(),
        "".join(f"{line}\n" for line in options) + part.solved.text,
        [
            *(Package(held.name, held.version) for held in conda if normalized(pypi_name(held.name)) not in replaced),
            *by_uv.packages_of(part.solved.text),
        ],
        as_of=part.solved.as_of,
        notes=[*notes, *part.solved.notes],
        conda=conda,
    )


def _no_backend(spec: EnvironmentSpec, only_conda: Sequence[OnlyConda]) -> EnvironmentFailed:
    lines = "; ".join(f'{held.name} (the line "{held.line}": {held.what})' for held in only_conda)
    return EnvironmentFailed(
        f'Environment "{spec.name}" needs what only conda has, and there is no conda program here: {lines}.',
        hint=f"{WAYS_TO_CONDA}. {FULL_LOG}",
    )


def own_program(program: str) -> str | None:
    """Where this machine has a program that conda would bring; nothing where conda can."""
    return shutil.which(program) if program else None


def can_do_without(only_conda: Sequence[OnlyConda], cache: Path) -> bool:
    """Whether there is no conda here, and this machine's own programs will do."""
    return find_backend(cache) is None and all(own_program(PROGRAMS.get(held.name, "")) for held in only_conda)


def failed(backend: str, what: str, error: CondaFailed, at_fault: Sequence[Requirement] = ()) -> AmletError:
    """A program's word as the error to raise."""
    cause = uv_errors.Cause(_KINDS.get(error.kind, uv_errors.OTHER), [], error.reason)
    return failure(f"{backend} {what}", cause, at_fault=at_fault, way_out=_HINTS[error.kind])


def _asked_python(asked: str | None) -> _AskedPython:
    own = own_minor()
    if not asked:
        text = minor_text(own)
        return _AskedPython([f"python={text}"], None, f"The spec names no Python: {text}, which runs amlet.", False)
    wanted = era.parse(asked, [], own)
    if wanted > era.NEWEST_OLD:
        return _AskedPython(_python_lines(asked), None, f"python={asked}, as conda has it.", False)
    minor = max(wanted, OLDEST)
    as_of = era.ERAS[minor]
    # A patch release that is younger than that day would lift the day for everything.
    is_range = asked.strip()[0] in "<>!~"
    lines = _python_lines(asked) if is_range and minor == wanted else [f"python={minor_text(minor)}"]
    instead = "it" if minor == wanted else f"Python {minor_text(minor)}, the oldest that jobs can have,"
    note = f"python={asked} is past its end of life: conda brings {instead} with packages as of {as_of}."
    return _AskedPython(lines, as_of, note, minor != wanted)


def _python_lines(asked: str) -> list[str]:
    text = asked.strip()
    line = f"python{text}" if text[0] in "=<>!~" else f"python={text}"
    return [line, f"python>={minor_text(OLDEST)}"]


def _conda_lines(lines: Sequence[str]) -> tuple[list[str], list[Note]]:
    """The lines for conda: names in lower case, and without what amlet provides."""
    kept: list[str] = []
    notes: list[Note] = []
    for line in lines:
        text = without_comment(line)
        match = _NAME.match(text)
        if match is None:
            continue
        name = match[0][len(match[1] or "") :].strip().lower()
        if _PROVIDED.fullmatch(normalized(name)):
            notes.append(Note(DROPPED, text, PROVIDED))
        else:
            kept.append(f"{match[1] or ''}{name}{text[match.end() :]}")
    return kept, notes


def _solve(
    backend: CondaBackend, lines: Sequence[str], found_channels: Sequence[str], as_of: str | None, steps: _Steps
) -> tuple[list[CondaPackage], str | None]:
    """The packages, and the day they are of."""
    if as_of and not backend.knows_dates:
        steps.tell(f"{backend.name} knows no dates: packages are today's, not as of {as_of}.", relaxes=True)
        as_of = None
    try:
        if as_of:
            try:
                return backend.solve(lines, found_channels, as_of, steps.log), as_of
            except CondaFailed as error:
                if error.kind != base.UNSOLVABLE:
                    raise
                lifted = f"Nothing fits as of {as_of} ({error.reason}): the date is lifted for all packages."
                steps.tell(lifted, relaxes=True)
        return backend.solve(lines, found_channels, None, steps.log), None
    except OSError as error:
        raise StorageFailed.from_os_error(error, error.filename or "the folder of conda's packages") from error


def _at_fault(lines: Sequence[str], reason: str) -> list[Requirement]:
    """The spec's lines whose packages the reason names first."""
    words = {normalized(word.strip(",.;:'\"()[]")) for word in reason.split()}
    found: list[Requirement] = []
    for line in lines:
        match = _NAME.match(without_comment(line))
        name = match[0][len(match[1] or "") :].strip() if match else ""
        if name and normalized(name) in words:
            found.append(Requirement(normalized(name), name, line.strip(), "dependencies"))
    return found


def _solved_python(packages: Sequence[CondaPackage]) -> tuple[int, int, int]:
    text = next((package.file.version for package in packages if package.file.name == "python"), "")
    numbers = [int(part) for part in re.findall(r"\d+", text)[:3]]
    if len(numbers) < 2:
        raise EnvironmentFailed("What conda found has no Python in it.", hint="name python=3.11 in the spec.")
    return numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0


def _asks(version: tuple[int, int, int], at_hand: Sequence[Python]) -> Python:
    """The solved Python, at the interpreter that uv is to ask for what is not the version's."""
    minor: Minor = version[:2]
    here = next((python for python in at_hand if python.minor == minor), at_hand[0] if at_hand else None)
    path = here.path if here else Path(sys.executable)
    return Python(path, version, path)
