"""What differs between two runs: parameters, metrics, tags, packages, environment, machine, code."""

from __future__ import annotations

import difflib
import math
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from amlet.domain.artifact import Entry
from amlet.domain.environment import Lock
from amlet.domain.job import Job, parameters_of
from amlet.domain.metric import file_of
from amlet.domain.run import Run

LEFT = "left"
RIGHT = "right"

LINES_LIMIT = 10_000
"""Lines of a file that are compared one by one: difflib's time grows with the square of what was changed."""

TEXT_LIMIT_BYTES = 2 << 20
"""Larger files are named, not compared line by line."""

MACHINE = ("amlet.host", "amlet.system", "amlet.node")
"""Properties that tell where a run ran."""

INTERPRETER = ("amlet.python", "amlet.python_version")

CODE = ("azureml.git.repository_uri", "azureml.git.branch", "azureml.git.commit", "azureml.git.dirty")


class Side(NamedTuple):
    """All of one run that is compared.

    Attributes:
        metrics: As `get_metrics` gives them.
        packages: Version by name, for a run without a lock; see `packages_of`.
        sources: The files of its snapshot.
        file_marks: What `mark_of` makes of those of its files that `files_of` names.
    """

    run: Run
    job: Optional[Job] = None
    lock: Optional[Lock] = None
    metrics: Dict[str, Any] = {}
    packages: Dict[str, str] = {}
    sources: List[Entry] = []
    file_marks: Dict[str, str] = {}


class Difference(NamedTuple):
    """One thing that differs.

    Attributes:
        left: Its value there; None where it is missing, or has none, as a tag may.
        only: `left` or `right` when the other run does not have it at all.
    """

    name: str
    left: Any
    right: Any
    only: Optional[str] = None


class FileDifference(NamedTuple):
    """A file of the sources that differs; None on the side that does not have it."""

    path: str
    left: Optional[Entry]
    right: Optional[Entry]

    @property
    def is_text_sized(self) -> bool:
        """Whether it is small enough to compare line by line."""
        return all(entry is None or entry.size_bytes <= TEXT_LIMIT_BYTES for entry in (self.left, self.right))


class Comparison(NamedTuple):
    """What differs, part by part; equal runs have nothing in any."""

    left: str
    right: str
    parameters: List[Difference]
    metrics: List[Difference]
    tags: List[Difference]
    packages: List[Difference]
    environment: List[Difference]
    machine: List[Difference]
    origin: List[Difference]
    """Repository, branch and commit."""
    code: List[FileDifference]

    @property
    def sections(self) -> List[Tuple[str, List[Difference]]]:
        """Titles and differences, but for the code's files."""
        return [
            ("Parameters", self.parameters),
            ("Metrics", self.metrics),
            ("Tags", self.tags),
            ("Packages", self.packages),
            ("Environment", self.environment),
            ("Machine", self.machine),
            ("Origin", self.origin),
        ]

    @property
    def is_empty(self) -> bool:
        return not self.code and not any(found for _, found in self.sections)


class FileDiff(NamedTuple):
    """A file's change, line by line.

    Attributes:
        lines: A unified diff without line ends; empty for what is not compared.
        note: Why there are no lines: binary, too large, or only its permission.
    """

    path: str
    lines: List[str]
    note: Optional[str] = None


def compare(left: Side, right: Side) -> Comparison:
    """Compare two runs. A parameter, metric or tag is the same when its value is; NaN is the same as NaN."""
    return Comparison(
        left.run.id,
        right.run.id,
        parameters=differences(_parameters(left), _parameters(right)),
        metrics=differences(_metrics(left), _metrics(right)),
        tags=differences(left.run.tags, right.run.tags),
        packages=differences(_packages(left), _packages(right)),
        environment=differences(_environment(left), _environment(right)),
        machine=differences(_machine(left), _machine(right)),
        origin=differences(_chosen(left.run, CODE), _chosen(right.run, CODE)),
        code=_files(left.sources, right.sources),
    )


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> List[Difference]:
    """What two mappings do not have in common, by name."""
    found = []
    for name in sorted({*left, *right}):
        if name not in right:
            found.append(Difference(name, left[name], None, LEFT))
        elif name not in left:
            found.append(Difference(name, None, right[name], RIGHT))
        elif not _same(left[name], right[name]):
            found.append(Difference(name, left[name], right[name]))
    return found


def file_diff(found: FileDifference, left: Optional[bytes], right: Optional[bytes]) -> FileDiff:
    """The lines of a file that differ.

    Args:
        left: Its bytes; None where it is missing, or too large to be fetched (`is_text_sized`).
    """
    if not found.is_text_sized:
        return FileDiff(found.path, [], "too large to compare line by line")
    if found.left and found.right and found.left.sha256 == found.right.sha256:
        return FileDiff(found.path, [], "only whether it may be executed")
    texts = [_lines(data or b"") for data in (left, right)]
    if texts[0] is None or texts[1] is None:
        return FileDiff(found.path, [], "binary")
    if max(map(len, (texts[0], texts[1]))) > LINES_LIMIT:
        return FileDiff(found.path, [], f"more than {LINES_LIMIT:,} lines")
    names = [f"{side}/{found.path}" if entry else "/dev/null" for side, entry in zip("ab", (found.left, found.right))]
    return FileDiff(found.path, list(_unified(texts[0], texts[1], names[0], names[1])))


def files_of(metrics: Mapping[str, Any]) -> List[str]:
    """Paths of the files that metrics are: images and what is logged as JSON."""
    values = [item for value in metrics.values() for item in (value if isinstance(value, list) else [value])]
    found = [held[1] for held in map(file_of, values) if held is not None]
    return list(dict.fromkeys(found))


def mark_of(sha256: str, size_bytes: int) -> str:
    """How the content of a file is told in a comparison of metrics."""
    return f"a file of {size_bytes:,} bytes, sha256 {sha256[:12]}"


def packages_of(text: str) -> Dict[str, str]:
    """Versions by name from lines of `name==version`."""
    found = {}
    for line in text.splitlines():
        name, equals, version = line.strip().partition("==")
        if equals:
            found[name] = version
    return found


def _parameters(side: Side) -> Dict[str, Any]:
    found: Dict[str, Any] = dict(side.run.parameters)
    if side.job is not None:
        if side.job.command is not None:
            found["(command)"] = side.job.command
        else:
            found["(script)"] = side.job.script
            found["(arguments without a name)"] = " ".join(_nameless(side.job.arguments))
    return found


def _nameless(arguments: Sequence[str]) -> List[str]:
    """Arguments that are neither an option nor its value."""
    found, waiting = [], False
    for argument in arguments:
        is_option = bool(parameters_of([argument]))
        if not is_option and not waiting:
            found.append(argument)
        waiting = is_option and "=" not in argument
    return found


def _metrics(side: Side) -> Dict[str, Any]:
    return {name: _without_run(side, value) for name, value in side.metrics.items()}


def _without_run(side: Side, value: Any) -> Any:
    """A file is told by its content: its address names the run, an image's name the time; no two are the same."""
    if isinstance(value, list):
        return [_without_run(side, item) for item in value]
    held = file_of(value)
    return value if held is None else side.file_marks.get(held[1], value)


def _packages(side: Side) -> Dict[str, str]:
    if side.lock is not None and side.lock.packages:
        return {package.name: package.version for package in side.lock.packages}
    return side.packages


def _environment(side: Side) -> Dict[str, Any]:
    found: Dict[str, Any] = dict(_chosen(side.run, INTERPRETER))
    if side.lock is not None:
        found["python"] = side.lock.python
        found["platform"] = side.lock.platform
        found["packages as of"] = side.lock.as_of
    if side.job is not None:
        spec = side.job.environment
        found["name"] = spec.name
        found["version"] = spec.version
        found["python asked for"] = spec.python
        found["conda"] = list(spec.conda)
        found["pip"] = list(spec.pip)
        found["channels"] = list(spec.channels)
        variables = {**spec.variables, **side.job.variables}
        found.update((f"variable {name}", value) for name, value in variables.items())
    return {name: value for name, value in found.items() if value not in (None, [])}


def _machine(side: Side) -> Dict[str, Any]:
    return {"target": side.run.target, **_chosen(side.run, MACHINE)}


def _chosen(run: Run, names: Sequence[str]) -> Dict[str, str]:
    return {name: run.properties[name] for name in names if name in run.properties}


def _files(left: Sequence[Entry], right: Sequence[Entry]) -> List[FileDifference]:
    one, other = ({entry.path: entry for entry in entries} for entries in (left, right))
    return [
        FileDifference(path, one.get(path), other.get(path))
        for path in sorted({*one, *other})
        if one.get(path) != other.get(path)
    ]


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(one, other) for one, other in zip(left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return set(left) == set(right) and all(_same(left[name], right[name]) for name in left)
    return bool(left == right)


def _lines(data: bytes) -> Optional[List[str]]:
    """Lines without their ends; None for what is no text."""
    if b"\0" in data:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # Only at line feeds, as every diff does: `splitlines` also splits at form feeds and others.
    lines = text.split("\n")
    if lines[-1]:
        lines[-1] += "\n\\ No newline at end of file"
    else:
        lines.pop()
    return lines


def _unified(left: List[str], right: List[str], left_name: str, right_name: str) -> Iterator[str]:
    for line in difflib.unified_diff(left, right, left_name, right_name, lineterm=""):
        # A last line without its end is told on a line of its own.
        yield from line.split("\n")
