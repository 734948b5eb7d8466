"""From a spec to a lock: the Python, the era, and what uv finds."""

from __future__ import annotations

import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple, NoReturn
from urllib.parse import urlsplit

from amlet.base.errors import AmletError, StorageFailed
from amlet.base.units import human_seconds
from amlet.base.urls import without_login
from amlet.domain.environment import EnvironmentSpec, Lock, Package, lock_of
from amlet.environments import curated, era, uv_errors
from amlet.environments.conda_names import normalized
from amlet.environments.failures import WAYS_TO_CONDA, failure, refused
from amlet.environments.pythons import OLDEST, Minor, Python, minor_text, own_minor
from amlet.environments.requirements import (
    RELAXED,
    OnlyConda,
    Requirement,
    Wanted,
    read,
    table,
)
from amlet.environments.uv_program import run_uv

Log = Callable[[str], None]

_AZUREML = (
    "accel-models automl-core automl-runtime cli-common contrib-automl-pipeline-steps contrib-dataset "
    "contrib-notebook contrib-pipeline-steps contrib-services core dataprep dataprep-native dataprep-rslex "
    "dataset-runtime datadrift defaults explain-model inference-server-http interpret mlflow model-management-sdk "
    "opendatasets pipeline pipeline-core pipeline-steps sdk telemetry tensorboard train train-automl "
    "train-automl-client train-core train-restclients-hyperdrive widgets"
)
"""Distributions that another package may depend on; amlet stands in for them there too."""

OVERRIDES = "".join(f"azureml-{name}; sys_platform == 'never'\n" for name in _AZUREML.split())
"""uv drops a package that an override asks for on no platform, whoever depends on it."""

PYPI = "https://pypi.org/simple"

_INDEX_OPTIONS = ("--index-url ", "--extra-index-url ")

_AWAY = (uv_errors.UNREACHABLE, uv_errors.UNTRUSTED, uv_errors.OFFLINE)
"""Causes that lie with the index, whatever is asked for."""

_UNDATED = (*_AWAY, uv_errors.UNKNOWN, uv_errors.UNREADABLE, uv_errors.DISK_FULL, uv_errors.OTHER)
"""Causes that another date would not change."""

_LOCKED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._\-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
_LOCKED_URL = re.compile(r"([A-Za-z0-9][A-Za-z0-9._\-]*)(?:\[[^\]]*\])? @ \S*?/[^/\s]+?-([0-9][^-/\s]*)-[^/\s]+\.whl")


class Solved(NamedTuple):
    """What uv found."""

    text: str
    """A requirements file, hashes included."""
    as_of: str | None
    notes: list[str]
    """What was relaxed on the way."""
    indexes: list[str] = []
    """What it was looked for in, without logins."""


class _Date(NamedTuple):
    """As of when packages are taken."""

    as_of: str | None = None
    lifted: frozenset[str] = frozenset()

    def arguments(self) -> list[str]:
        if self.as_of is None:
            return []
        # The whole of that day, in a zone that does not depend on the machine.
        end = (date.fromisoformat(self.as_of) + timedelta(days=1)).isoformat()
        arguments = ["--exclude-newer", f"{end}T00:00:00Z"]
        for name in sorted(self.lifted):
            arguments += ["--exclude-newer-package", f"{name}=false"]
        return arguments


class NeedsConda(Exception):
    """A spec has lines of conda's that uv can give nothing for."""

    def __init__(self, lines: Sequence[OnlyConda], otherwise: AmletError | None = None) -> None:
        super().__init__(", ".join(held.name for held in lines))
        self.lines = list(lines)
        self.otherwise = otherwise
        """What to tell where there is no conda."""


class _Failed(Exception):
    """uv found no solution."""

    def __init__(self, cause: uv_errors.Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


def this_platform() -> str:
    """`linux-x86_64`."""
    return f"{sys.platform}-{platform.machine()}"


def resolve(
    spec: EnvironmentSpec, at_hand: Sequence[Python], log: Log, *, program: Callable[[str], str | None] = lambda _: None
) -> Lock:
    """Resolve a spec that is not user-managed; see `Environments.resolve`.

    Args:
        program: Where this machine has a program of its own, to be used where only conda could bring it.

    Raises:
        NeedsConda: Lines of conda's name what PyPI has not.
    """
    began = time.monotonic()
    log(f'Environment "{spec.name}": {len(spec.conda)} conda and {len(spec.pip)} pip lines.')
    choice = choose(spec, at_hand)
    log(choice.note)
    if choice.relaxed:
        _relaxed(spec, choice.note)
    wanted = read(spec, program=program)
    if wanted.only_conda:
        raise NeedsConda(wanted.only_conda)
    for row in table(wanted.notes):
        log(row)
    for note in wanted.notes:
        if note.kind == RELAXED:
            _relaxed(spec, str(note))
    held = curated.locked(spec, minor_text(choice.python.minor), this_platform())
    if held is not None:
        log(f"Its lock for Python {minor_text(choice.python.minor)} comes with amlet: no index is asked.")
        for step in held.notes:
            _relaxed(spec, step)
            log(f"  {step}")
        text, as_of, late_notes, indexes = held.requirements, held.as_of, list(held.notes), [PYPI]
    else:
        text, as_of, late_notes, indexes = solve(spec, choice.python, wanted, choice.as_of, log)
    packages = packages_of(text)
    for caution in curated.cautions(spec, packages):
        log(f"  {caution}")
        late_notes.append(caution)
    lock = lock_of(
        minor_text(choice.python.minor),
        this_platform(),
        "".join(f"{line}\n" for line in wanted.options) + text,
        packages,
        as_of=as_of,
        notes=[choice.note, *(str(note) for note in wanted.notes if note.is_for_the_run), *late_notes],
        indexes=indexes,
    )
    took = human_seconds(time.monotonic() - began)
    names = ", ".join(f"{package.name} {package.version}" for package in packages) or "no packages"
    log(f"Locked for Python {lock.python} in {took}: {names}.")
    return lock


def choose(spec: EnvironmentSpec, at_hand: Sequence[Python], own: Minor | None = None) -> era.Choice:
    """The Python that a spec gets, and the day of its packages.

    Raises:
        InvalidInput: for text that names no Python 3.
        EnvironmentFailed: if no interpreter at hand will do; says which were found.
    """
    newer_too, day = curated.is_curated(spec), curated.day_of(spec)
    return era.choose(spec.python, at_hand, own or own_minor(), newer_too=newer_too, day=day)


def worth_fetching(spec: EnvironmentSpec, at_hand: Sequence[Python]) -> Minor | None:
    """The Python that is not on this machine and would suit a spec better; None where it makes no difference.

    Raises:
        InvalidInput: for text that names no Python 3.
    """
    minor = era.worth_fetching(spec.python, at_hand, own_minor())
    if minor is None or not at_hand or not curated.is_curated(spec):
        return minor
    chosen = choose(spec, at_hand).python.minor
    return None if curated.locked(spec, minor_text(chosen), this_platform()) else minor


def solve(
    spec: EnvironmentSpec, python: Python, wanted: Wanted, as_of: str | None, log: Log, *, extra: Sequence[str] = ()
) -> Solved:
    """Let uv find the versions that fit together.

    Args:
        extra: More arguments for `uv pip compile`.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="amlet-resolve-") as folder:
            resolution = _Resolution(spec, python, Path(folder), log, extra)
            text, dated, notes = resolution.solve(wanted, as_of)
    except OSError as error:
        raise StorageFailed.from_os_error(error, error.filename or tempfile.gettempdir()) from error
    return Solved(text, dated.as_of, notes, resolution.indexes)


class _Resolution:
    """One spec's way through uv: as of its day, then with the day lifted step by step."""

    def __init__(
        self, spec: EnvironmentSpec, python: Python, folder: Path, log: Log, extra: Sequence[str] = ()
    ) -> None:
        self.indexes: list[str] = []
        self._extra = extra
        self._spec = spec
        self._python = python
        self._folder = folder
        self._log = log

    def solve(self, wanted: Wanted, as_of: str | None) -> tuple[str, _Date, list[str]]:
        """The locked requirements, the date they are of, and what was relaxed on the way."""
        if not wanted.requirements:
            return "", _Date(as_of), []
        try:
            text, dated, notes = self._lift(wanted, as_of)
            return text, dated, notes
        except _Failed as failed:
            if not curated.is_curated(self._spec) or failed.cause.kind in _AWAY:
                self._explain(failed.cause, wanted, as_of)
            first = failed
        # Names of v1's catalogue must resolve on Pythons that its pins never knew.
        relaxed, relax_notes = self._relax_pins(wanted, as_of)
        if relaxed == wanted:
            self._explain(first.cause, wanted, as_of)
        try:
            text, dated, notes = self._lift(relaxed, as_of)
        except _Failed as failed:
            self._explain(failed.cause, relaxed, as_of)
        return text, dated, [*relax_notes, *notes]

    def _lift(self, wanted: Wanted, as_of: str | None) -> tuple[str, _Date, list[str]]:
        """Resolve as of a day; lift the day for what is younger, then for all."""
        notes: list[str] = []
        dated = _Date(as_of)
        while True:
            try:
                return self._compile(wanted, dated), dated, notes
            except _Failed as failed:
                cause = failed.cause
            if dated.as_of is None or cause.kind in _UNDATED:
                raise _Failed(cause)
            named = {*cause.younger, *(cause.packages if cause.kind == uv_errors.NO_WHEEL else ())}
            younger = sorted({held.name for held in wanted.called(named - dated.lifted)})
            if younger:
                lines = " and ".join(f'"{held.line}"' for held in wanted.called(younger))
                step = f"{lines} cannot be had as of {as_of}: the date is lifted for {' and '.join(younger)}."
                dated = _Date(as_of, dated.lifted.union(younger))
            else:
                step = f"Nothing fits as of {as_of} ({cause.text}): the date is lifted for all packages."
                dated = _Date()
            if self._spec.strict:
                if cause.younger:
                    _relaxed(self._spec, step)
                raise _Failed(cause)
            notes.append(step)
            self._log(step)

    def _relax_pins(self, wanted: Wanted, as_of: str | None) -> tuple[Wanted, list[str]]:
        """Replace each pin that has no wheel for this Python by the nearest version that has one."""
        notes: list[str] = []
        requirements = list(wanted.requirements)
        for place, held in enumerate(requirements):
            if not held.specifier or self._has(held.text, wanted, None):
                continue
            nearest = self.nearest(held, wanted, as_of)
            if nearest is None:
                continue
            note = f"{held.line}: no wheel for Python {self._minor}; {nearest}, the nearest version with one, is taken"
            _relaxed(self._spec, note)
            self._log(f"  {note}")
            notes.append(note)
            requirements[place] = held._replace(text=f"{held.name}=={nearest}")
        return wanted._replace(requirements=requirements), notes

    def nearest(self, held: Requirement, wanted: Wanted, as_of: str | None) -> str | None:
        """The version with a wheel for this Python that is nearest to a pin: the next newer one, else the newest."""
        version = re.search(r"[0-9][0-9a-zA-Z.!+]*", held.specifier)
        if version is None:
            return None
        floor = f"{held.name}>={version[0].rstrip('.')}"
        for text, extra in ((floor, ["--resolution", "lowest"]), (held.name, [])):
            for day in dict.fromkeys((as_of, None)):
                found = self._alone(text, wanted, day, extra)
                if found:
                    return found
        return None

    def _has(self, text: str, wanted: Wanted, as_of: str | None) -> bool:
        return self._alone(text, wanted, as_of, []) is not None

    def _alone(self, text: str, wanted: Wanted, as_of: str | None, extra: list[str]) -> str | None:
        """The version that one requirement gets by itself, without its dependencies."""
        alone = wanted._replace(requirements=[Requirement("", text, "", "")])
        try:
            packages = packages_of(self._compile(alone, _Date(as_of), ["--no-deps", *extra], quiet=True))
        except _Failed:
            return None
        return packages[0].version if packages else None

    def _compile(self, wanted: Wanted, dated: _Date, extra: Sequence[str] = (), *, quiet: bool = False) -> str:
        source, target, overrides = (self._folder / name for name in ("wanted.txt", "locked.txt", "overrides.txt"))
        source.write_text(wanted.file_text(), encoding="utf-8")
        overrides.write_text(OVERRIDES, encoding="utf-8")
        target.unlink(missing_ok=True)
        arguments = ["pip", "compile", str(source), "-o", str(target), "--python", str(self._python.path)]
        arguments += ["--only-binary", ":all:", "--generate-hashes", "--no-header", "--no-annotate", "--emit-index-url"]
        arguments += ["--override", str(overrides), *dated.arguments(), *command_line(wanted.options)]
        arguments += [*self._extra, *extra]
        done = run_uv(arguments, (lambda _: None) if quiet else self._log)
        if done.code:
            raise _Failed(uv_errors.cause_of(done.output, {held.name for held in wanted.requirements}))
        lines = target.read_text("utf-8").splitlines(keepends=True)
        # Whatever named them: the spec, uv's variables or its settings. With the logins of those.
        named = [line.split(maxsplit=1)[1].strip() for line in lines if line.startswith(_INDEX_OPTIONS)]
        self.indexes = [without_login(url) for url in named]
        return "".join(line for line in lines if not line.startswith(_INDEX_OPTIONS)).lstrip("\n")

    @property
    def _minor(self) -> str:
        return minor_text(self._python.minor)

    def _explain(self, cause: uv_errors.Cause, wanted: Wanted, as_of: str | None) -> NoReturn:
        """Raise the error that says the cause, the line and the way out."""
        at_fault = wanted.called(cause.packages)
        what = f'uv could not resolve environment "{self._spec.name}"'
        of_conda = [held for held in at_fault if held.place == "dependencies"]
        if cause.kind == uv_errors.UNKNOWN and of_conda:
            ways = f"check its spelling; if only conda has it, {WAYS_TO_CONDA}"
            lines = [OnlyConda(held.name, held.line, "the package index has no such package") for held in of_conda]
            raise NeedsConda(lines, failure(what, cause, at_fault=at_fault, way_out=ways))
        hint = None
        if cause.kind in _AWAY:
            at_fault = [*at_fault, *_naming_the_index(cause.text, wanted)]
        if cause.kind == uv_errors.NO_WHEEL and at_fault:
            hint = self._way_to_a_wheel(at_fault[0], wanted, as_of)
            if cause.text.endswith("wheel"):
                cause = cause._replace(text=f"{cause.text} for Python {self._minor} on {this_platform()}")
        raise failure(what, cause, at_fault=at_fault, way_out=hint)

    def _way_to_a_wheel(self, held: Requirement, wanted: Wanted, as_of: str | None) -> str:
        ways = []
        nearest = self.nearest(held, wanted, as_of)
        if nearest:
            ways.append(f"take {held.name}=={nearest}, the nearest version with a wheel")
        asked = era.parse(self._spec.python, [], own_minor()) if self._spec.python else OLDEST
        for minor in dict.fromkeys((max(asked, OLDEST), OLDEST)):
            extra = ["--python-version", minor_text(minor)]
            if minor != self._python.minor and self._alone(held.text, wanted, None, extra):
                ways.append(f"install Python {minor_text(minor)}, which has a wheel of {held.line}")
                break
        ways.append("drop the pin" if held.specifier else "leave the package out")
        return ", or ".join(ways)


def _naming_the_index(reason: str, wanted: Wanted) -> list[Requirement]:
    """The spec's own lines that name the index of a reason."""
    hosts = {option: urlsplit(option.split()[-1]).netloc for option in wanted.options}
    return [Requirement("", "", option, "pip") for option, host in hosts.items() if host and host in reason]


def command_line(options: Sequence[str]) -> list[str]:
    """The options that uv takes only on its command line; they hold no secret."""
    arguments: list[str] = []
    for option in options:
        if option == "--pre":
            arguments += ["--prerelease", "allow"]
        elif option.startswith("--trusted-host "):
            arguments += ["--allow-insecure-host", option.split(" ", 1)[1]]
    if any(option.startswith("--extra-index-url") for option in options):
        # As pip does, for which the spec was written: the best version of all indexes it names.
        arguments += ["--index-strategy", "unsafe-best-match"]
    return arguments


def packages_of(text: str) -> list[Package]:
    """The packages of a locked requirements file."""
    found: dict[str, Package] = {}
    for line in text.splitlines():
        match = _LOCKED.match(line) or _LOCKED_URL.match(line)
        if match:
            found[normalized(match[1])] = Package(normalized(match[1]), match[2])
    return list(found.values())


def _relaxed(spec: EnvironmentSpec, step: str) -> None:
    if spec.strict:
        raise refused(spec, step)
