"""What a spec asks for in PyPI's words: conda's lines and pip's lines become requirements, options and notes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from amlet.base.errors import FieldError, InvalidInput
from amlet.domain.environment import EnvironmentSpec
from amlet.environments.conda_names import normalized, pypi_name, why_left_out

MAPPED = "mapped"
LEFT_OUT = "left out"
RELAXED = "relaxed"

_PROVIDED = re.compile(r"azureml(-.*)?")
_CONDA_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_VERSION = r"[0-9][A-Za-z0-9.!+_\-]*"
_CLAUSE = re.compile(rf"(===?|~=|!=|>=|<=|>|<|=)?\s*({_VERSION}(?:\.?\*)?|\*)")
_PIP_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._\-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*(.*)", re.DOTALL)
_PATH = re.compile(r"(?!\S+://)[^\s@;]+[/\\][^\s@;]+")
_COMMENT = re.compile(r"(^|\s)#.*$")
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
"""Said of azureml-* distributions, in the log alone: it is so for every spec of v1's, and changes no package."""


class Note(NamedTuple):
    """Something the user should know of one line: what was done (`MAPPED`, ...), to what, and how."""

    kind: str
    line: str
    text: str

    def __str__(self) -> str:
        return f"{self.line}: {self.text}"


class Wanted(NamedTuple):
    """All that a spec asks of uv."""

    requirements: list[Requirement]
    options: list[str]
    """Lines of a requirements file: `--index-url https://…`, with the credentials that the user wrote."""
    notes: list[Note]

    def called(self, names: Iterable[str]) -> list[Requirement]:
        """What the spec itself asks for under these normalised names, in their order; a name may have two lines."""
        return [held for name in names for held in self.requirements if held.name == name]

    def file_text(self) -> str:
        """The requirements file for uv; `--pre` and `--trusted-host` go on its command line instead."""
        lines = [line for line in self.options if not line.startswith(("--pre", "--trusted-host"))]
        return "".join(f"{line}\n" for line in [*lines, *(held.text for held in self.requirements)])


def read(spec: EnvironmentSpec) -> Wanted:
    """Map a spec's lines.

    Raises:
        InvalidInput: names every line that nothing can be made of.
    """
    wanted = Wanted([], [], [])
    wrong: list[FieldError] = []
    for place, lines, reader in (
        ("dependencies", spec.conda, _read_conda),
        ("pip", _joined(spec.pip), _read_pip),
    ):
        for number, line in enumerate(lines):
            try:
                reader(line, wanted)
            except _Unreadable as error:
                wrong.append(FieldError(f"{place}[{number}]", f"{without_credentials(line)!r} {error}"))
    if wrong:
        raise InvalidInput.of(wrong, subject=f'environment "{spec.name}"')
    return wanted


def without_credentials(text: str) -> str:
    """The text with user and password of every URL taken out."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)


class _Unreadable(Exception):
    """Why a line cannot be taken, with the way out."""


def _read_conda(line: str, wanted: Wanted) -> None:
    text = _COMMENT.sub("", line).strip()
    if not text:
        return
    if "::" in text:
        text = text.split("::", 1)[1]
    match = _CONDA_NAME.match(text)
    if match is None:
        raise _Unreadable("is not a conda package: write it as numpy=1.19")
    name, rest = match[0], text[match.end() :].strip()
    if rest.startswith("["):
        raise _Unreadable("uses conda's brackets, which PyPI has nothing like: write it as numpy=1.19")
    if _PROVIDED.fullmatch(normalized(name)):
        wanted.notes.append(Note(LEFT_OUT, line.strip(), PROVIDED))
        return
    why = why_left_out(name)
    if why is not None:
        wanted.notes.append(Note(LEFT_OUT, line.strip(), why))
        return
    specifier, build = _conda_specifier(rest)
    mapped = Requirement(pypi_name(name), pypi_name(name) + specifier, line.strip(), "dependencies")
    wanted.requirements.append(mapped)
    if mapped.name != normalized(name):
        wanted.notes.append(Note(MAPPED, mapped.line, f"PyPI calls it {mapped.name}"))
    if build:
        wanted.notes.append(Note(RELAXED, mapped.line, f"the build string {build} means nothing to PyPI"))


def _conda_specifier(text: str) -> tuple[str, str | None]:
    """`=1.19` → `==1.19.*`; `=1.19.2=py38_0` → `==1.19.2` and the build string."""
    if not text or text == "*":
        return "", None
    if "|" in text:
        raise _Unreadable("offers alternatives with '|', which PyPI has nothing like: choose one version")
    parts = text.split()
    exact = re.fullmatch(rf"=?\s*({_VERSION})=([^=<>,\s]\S*)", text)
    if (
        exact is None
        and len(parts) == 2
        and re.fullmatch(rf"={{0,2}}{_VERSION}", parts[0])
        and parts[1][0] not in "=<>!~"
    ):
        exact = re.fullmatch(r"={0,2}(\S+) (\S+)", " ".join(parts))
    if exact is not None:
        return f"=={exact[1]}", exact[2]
    clauses = []
    for part in text.split(","):
        clause = _CLAUSE.fullmatch(part.strip())
        if clause is None:
            raise _Unreadable("has a version that cannot be read: write it as numpy=1.19 or numpy>=1.19,<2")
        operator, version = clause[1] or "=", clause[2]
        if version == "*":
            continue
        if operator == "=":
            # `numpy 1.19` and `numpy=1.19` are both conda's "1.19 and what follows".
            clauses.append(f"=={version.rstrip('*').rstrip('.')}.*")
        elif version.endswith("*") and operator not in ("==", "!="):
            clauses.append(operator + version.rstrip("*").rstrip("."))
        elif version.endswith("*"):
            clauses.append(operator + version.rstrip("*").rstrip(".") + ".*")
        else:
            clauses.append(operator + version)
    return ",".join(clauses), None


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
    text = _COMMENT.sub("", line).strip()
    if not text:
        return
    if _VARIABLE.search(text):
        # uv would put in a variable of the server's, which may be a secret of somebody else's.
        raise _Unreadable("names a variable, which is not put in: set UV_DEFAULT_INDEX where the server starts instead")
    if text.startswith("-"):
        _read_option(text, wanted)
        return
    if text.startswith((".", "/", "~", "file:")) or _PATH.fullmatch(text):
        raise _Unreadable("is a local path, which other machines have not: put the code into the source folder")
    if re.match(r"(git|hg|svn|bzr)\+", text) or re.search(r"@\s*(git|hg|svn|bzr)\+", text):
        raise _Unreadable("is built from source, and only wheels are installed: name a release on an index")
    match = _PIP_NAME.fullmatch(text)
    if match is None or re.match(r"https?://", text):
        raise _Unreadable("is not a requirement: write it as numpy==1.19.2, or name @ https://…whl")
    if re.search(r"@\s*file:", text):
        raise _Unreadable("is a local path, which other machines have not: put the code into the source folder")
    if without_credentials(text) != text:
        raise _Unreadable("has a password in its URL, which the lock would keep: put it into ~/.netrc")
    if _PROVIDED.fullmatch(normalized(match[1])):
        wanted.notes.append(Note(LEFT_OUT, text, PROVIDED))
        return
    if match[3] and not re.match(r"[=<>!~;@(\-]", match[3]):
        raise _Unreadable("is not a requirement: write it as numpy==1.19.2")
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
        raise _Unreadable("names another file, which the server has not: put its lines here")
    if name in ("-e", "--editable"):
        raise _Unreadable("is a local path, which other machines have not: put the code into the source folder")
    if name in _PLAIN_OPTIONS:
        wanted.options.append(_PLAIN_OPTIONS[name])
    elif name in _VALUE_OPTIONS:
        if not value:
            raise _Unreadable("lacks its value")
        if name in ("-f", "--find-links") and not value.startswith("/") and urlsplit(value).scheme == "":
            raise _Unreadable("is a relative path, which the server has not: write it whole, or as a URL")
        wanted.options.append(f"{_VALUE_OPTIONS[name]} {value}")
    elif name == "--no-binary":
        wanted.notes.append(Note(RELAXED, text, "only wheels are installed"))
    elif name in _IDLE_OPTIONS:
        wanted.notes.append(Note(LEFT_OUT, text, "an option that changes nothing here"))
    else:
        raise _Unreadable("is an option of pip's that uv has nothing like: leave it out")
