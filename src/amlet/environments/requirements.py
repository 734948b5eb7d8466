"""What a spec asks for in PyPI's words: conda's lines and pip's lines become requirements, options and notes."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.urls import without_login
from amlet.domain.environment import EnvironmentSpec
from amlet.environments.conda_lines import Unreadable, parse, pypi_version, without_comment
from amlet.environments.conda_names import (
    PROGRAMS,
    has_more_digits,
    normalized,
    pypi_name,
    pypi_requirement,
    why_left_out,
    why_only_conda,
)

MAPPED = "mapped"
DROPPED = "dropped"
RELAXED = "relaxed"

_PROVIDED = re.compile(r"azureml(-.*)?")
_PIP_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._\-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)", re.DOTALL)
_PATH = re.compile(r"(?!\S+://)[^\s@;]+[/\\][^\s@;]+")
_VALUE_OPTIONS = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--pypi-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "--trusted-host": "--trusted-host",
}
_PLAIN_OPTIONS = {"--pre": "--pre", "--no-index": "--no-index"}
_IDLE_OPTIONS = {
    "--prefer-binary",
    "--only-binary",
    "--use-feature",
    "--use-pep517",
    "--require-hashes",
    "--progress-bar",
}
_MISNAMED = {"sklearn": "scikit-learn"}
"""Names on PyPI that hold no wheel and stand for another package; yamls of v1's time use them."""

_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")


class Requirement(NamedTuple):
    """One package asked for."""

    name: str
    """Normalised, as PyPI has it."""
    text: str
    """As uv reads it."""
    line: str
    """As the user wrote it."""
    place: str
    """`dependencies` or `pip`."""

    @property
    def specifier(self) -> str:
        """The version part of the text: `==1.19.*`, or an empty text."""
        match = _PIP_NAME.fullmatch(self.text)
        return match[3].split(";")[0].split("--hash")[0].strip().strip("()") if match else ""


PROVIDED = "amlet provides it"
FROM_PYPI = "packages come from PyPI"
_LOG_ALONE = (PROVIDED, FROM_PYPI)
"""Said in the log, and not on the run: so it is for every spec of v1's, and it changes no package."""


class Note(NamedTuple):
    """Something the user should know of one line: what was done (`MAPPED`, ...), to what, and how."""

    kind: str
    line: str
    text: str

    @property
    def is_for_the_run(self) -> bool:
        """Whether the run is to tell it too."""
        return self.text not in _LOG_ALONE

    def __str__(self) -> str:
        return f"{self.line}: {self.text}"


class OnlyConda(NamedTuple):
    """A line of conda's that no wheel can stand for."""

    name: str
    """Normalised, as conda has it."""
    line: str
    what: str
    """What it is."""


class Wanted(NamedTuple):
    """All that a spec asks of uv."""

    requirements: list[Requirement]
    options: list[str]
    """Lines of a requirements file: `--index-url https://…`."""
    notes: list[Note]
    only_conda: list[OnlyConda]
    """What uv cannot give; none when a spec can be resolved by uv alone."""

    def called(self, names: Iterable[str]) -> list[Requirement]:
        """What the spec itself asks for under these normalised names, in their order; a name may have two lines."""
        return [held for name in names for held in self.requirements if held.name == name]

    def file_text(self) -> str:
        """The requirements file for uv; `--pre` and `--trusted-host` go on its command line instead."""
        lines = [line for line in self.options if not line.startswith(("--pre", "--trusted-host"))]
        return "".join(f"{line}\n" for line in [*lines, *(held.text for held in self.requirements)])


def read(spec: EnvironmentSpec, *, program: Callable[[str], str | None] = lambda _: None) -> Wanted:
    """Map a spec's lines.

    Args:
        program: Where this machine has a program of its own, to be used where only conda could bring it.

    Raises:
        InvalidInput: names every line that nothing can be made of.
    """
    wanted = Wanted([], [], [], [])
    wrong: list[FieldError] = []
    if spec.conda and spec.channels:
        wanted.notes.append(Note(DROPPED, f"channels: {', '.join(spec.channels)}", FROM_PYPI))
    for place, lines, reader in (
        ("dependencies", spec.conda, functools.partial(_read_conda, program=program)),
        ("pip", _joined(spec.pip), _read_pip),
        ("channels", spec.channels, lambda *_: None),
    ):
        for number, line in enumerate(lines):
            try:
                if without_login(line) != line:
                    raise Unreadable("has a login in its address, which the lock would keep: put it into ~/.netrc")
                reader(line, wanted)
            except Unreadable as error:
                wrong.append(FieldError(f"{place}[{number}]", f"{without_login(line)!r} {error}"))
    if wrong:
        raise InvalidInput.of(wrong, subject=f'environment "{spec.name}"')
    return wanted


def table(notes: Sequence[Note]) -> list[str]:
    """The notes as lines of the build log, under one head."""
    if not notes:
        return []
    rows = [("kind", "line", "what"), *notes]
    widths = [min(max(len(row[column]) for row in rows), 48) for column in (0, 1)]
    return [f"  {kind:<{widths[0]}} | {line:<{widths[1]}} | {what}" for kind, line, what in rows]


def _read_conda(line: str, wanted: Wanted, *, program: Callable[[str], str | None]) -> None:
    asked = parse(line)
    if asked is None:
        return
    written = line.strip()
    if _PROVIDED.fullmatch(normalized(asked.name)):
        wanted.notes.append(Note(DROPPED, written, PROVIDED))
        return
    why = why_left_out(asked.name)
    if why is not None:
        wanted.notes.append(Note(DROPPED, written, why))
        return
    what = why_only_conda(asked.name)
    own = program(PROGRAMS.get(normalized(asked.name), "")) if what is not None else None
    if own:
        wanted.notes.append(Note(RELAXED, written, f"only conda has it: this machine's own {own} is used"))
        return
    if what is not None:
        wanted.only_conda.append(OnlyConda(normalized(asked.name), written, what))
        return
    target = pypi_requirement(asked.name)
    name = pypi_name(asked.name)
    found = pypi_version(asked.version, is_prefix=has_more_digits(name))
    wanted.requirements.append(Requirement(name, target + found.specifier, written, "dependencies"))
    if target != normalized(asked.name):
        wanted.notes.append(Note(MAPPED, written, f"PyPI calls it {target}"))
    if found.instead_of:
        kept = found.specifier or "any version"
        wanted.notes.append(Note(RELAXED, written, f"PyPI has no alternatives: {kept} is taken of {found.instead_of}"))
    if asked.build:
        wanted.notes.append(Note(RELAXED, written, f"the build string {asked.build} means nothing to PyPI"))
    if asked.channel:
        wanted.notes.append(Note(DROPPED, f"{asked.channel}::", FROM_PYPI))
    if asked.facts:
        wanted.notes.append(Note(RELAXED, written, f"{', '.join(asked.facts)}: means nothing to PyPI"))


def _joined(lines: list[str]) -> list[str]:
    """Lines that end with a backslash go on in the next one."""
    joined: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
        goes_on = line.rstrip().endswith("\\")
        joined[-1] = joined[-1].rstrip().rstrip("\\").rstrip() if goes_on else joined[-1]
    return joined


def _read_pip(line: str, wanted: Wanted) -> None:
    text = without_comment(line)
    if not text:
        return
    if _VARIABLE.search(text):
        # uv would put in a variable of the server's, which may be a secret of somebody else's.
        raise Unreadable("names a variable, which is not put in: set UV_DEFAULT_INDEX where the server starts instead")
    if text.startswith("-"):
        _read_option(text, wanted)
        return
    if text.startswith((".", "/", "~", "file:")) or _PATH.fullmatch(text):
        raise Unreadable("is a local path, which other machines have not: put the code into the source folder")
    if re.match(r"(git|hg|svn|bzr)\+", text) or re.search(r"@\s*(git|hg|svn|bzr)\+", text):
        raise Unreadable("is built from source, and only wheels are installed: name a release on an index")
    match = _PIP_NAME.fullmatch(text)
    if match is None or re.match(r"https?://", text):
        raise Unreadable("is not a requirement: write it as numpy==1.19.2, or name @ https://…whl")
    if re.search(r"@\s*file:", text):
        raise Unreadable("is a local path, which other machines have not: put the code into the source folder")
    if _PROVIDED.fullmatch(normalized(match[1])):
        wanted.notes.append(Note(DROPPED, text, PROVIDED))
        return
    if match[3] and not re.match(r"[=<>!~;@(\-]", match[3]):
        raise Unreadable("is not a requirement: write it as numpy==1.19.2")
    name = normalized(match[1])
    if name in _MISNAMED:
        # Its own versions say nothing of the other package's.
        wanted.notes.append(Note(MAPPED, text, f"it stands for {_MISNAMED[name]}"))
        wanted.requirements.append(Requirement(_MISNAMED[name], _MISNAMED[name], text, "pip"))
        return
    wanted.requirements.append(Requirement(name, text, text, "pip"))


def _read_option(text: str, wanted: Wanted) -> None:
    name, _, value = text.replace("=", " ", 1).partition(" ") if text.startswith("--") else text.partition(" ")
    value = value.strip()
    if name in ("-r", "--requirement", "-c", "--constraint"):
        raise Unreadable("names another file, which the server has not: put its lines here")
    if name in ("-e", "--editable"):
        raise Unreadable("is a local path, which other machines have not: put the code into the source folder")
    if name in _PLAIN_OPTIONS:
        wanted.options.append(_PLAIN_OPTIONS[name])
    elif name in _VALUE_OPTIONS:
        if not value:
            raise Unreadable("lacks its value")
        if name in ("-f", "--find-links") and not value.startswith("/") and urlsplit(value).scheme == "":
            raise Unreadable("is a relative path, which the server has not: write it whole, or as a URL")
        wanted.options.append(f"{_VALUE_OPTIONS[name]} {value}")
    elif name == "--no-binary":
        wanted.notes.append(Note(RELAXED, text, "only wheels are installed"))
    elif name in _IDLE_OPTIONS:
        wanted.notes.append(Note(DROPPED, text, "an option that changes nothing here"))
    else:
        raise Unreadable("is an option of pip's that uv has nothing like: leave it out")
