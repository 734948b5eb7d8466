"""Dockerfiles: what one without a build context may hold, and one that makes the packages of a lock."""

from __future__ import annotations

import json
import re
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from amlet.domain.environment import Container, Lock
from amlet.domain.lock_export import requirements_text

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_FLAG = re.compile(r"--(\S+)\s*")


class DockerfileFault(NamedTuple):
    """What of a Dockerfile cannot be."""

    line: int
    """From 1; 0 for the whole."""
    message: str


def faults_of_dockerfile(text: str) -> List[DockerfileFault]:
    """What stands in the way of building from this text alone: no FROM, or a COPY or ADD out of a build context."""
    found: List[DockerfileFault] = []
    begins = False
    for number, name, rest in _instructions(text):
        begins = begins or name == "FROM"
        source = _from_context(name, rest) if name in ("COPY", "ADD") else None
        if source is not None:
            found.append(DockerfileFault(number, f"{name} {source!r} needs a build context"))
    if not begins:
        found.insert(0, DockerfileFault(0, "it has no FROM"))
    return found


def dockerfile_of(lock: Lock, container: Optional[Container] = None) -> str:
    """A Dockerfile whose image has the Python and the exact packages of a lock; pip checks each file by its hash.

    Args:
        container: The user's own image or Dockerfile, which it then begins with. Its Python must be the lock's.
    """
    return "\n".join([*_lines(lock, container, _here, ["# syntax=docker/dockerfile:1"]), ""])


class DockerContext(NamedTuple):
    """A Dockerfile that takes files out of its context."""

    dockerfile: str
    files: Dict[str, str]
    """Their texts by name."""


def docker_context_of(lock: Lock, container: Optional[Container] = None) -> DockerContext:
    """As `dockerfile_of`, for programs that know no here-documents: the lists of packages are files beside it."""
    files: Dict[str, str] = {}

    def beside(place: str, text: str) -> List[str]:
        name = place.rpartition("/")[2]
        files[name] = text + "\n"
        return [f"COPY {name} {place}"]

    return DockerContext("\n".join([*_lines(lock, container, beside, []), ""]), files)


def _lines(
    lock: Lock, container: Optional[Container], put: Callable[[str, str], List[str]], first: List[str]
) -> List[str]:
    """The lines of a Dockerfile.

    Args:
        put: The lines that put a text into a file of the image.
    """
    title = f"# Lock {lock.id}: Python {lock.python} on {lock.platform}"
    if container is not None and container.dockerfile is not None:
        lines = [container.dockerfile.rstrip(), title]
    else:
        lines = [*first, title, f"FROM {_base(lock, container)}"]
    if lock.conda:
        files = [f"# sha256 {held.sha256}\n{held.url}" for held in lock.conda]
        lines += put("/tmp/conda.txt", "\n".join(["@EXPLICIT", *files]))  # noqa: S108 - a path inside the image
        lines += ["RUN micromamba install --yes --name base --file /tmp/conda.txt"]
        lines += ["ARG MAMBA_DOCKERFILE_ACTIVATE=1"]
    if lock.packages:
        lines += put("/tmp/requirements.txt", requirements_text(lock).rstrip("\n"))  # noqa: S108
        lines += ["RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/requirements.txt"]
    return lines


def _base(lock: Lock, container: Optional[Container]) -> str:
    if container is not None and container.image is not None:
        return container.image
    return "mambaorg/micromamba" if lock.conda else f"python:{lock.python}-slim"


def _here(place: str, text: str) -> List[str]:
    return [f'COPY <<"END-OF-FILE" {place}', text, "END-OF-FILE"]


def _instructions(text: str) -> Iterator[Tuple[int, str, str]]:
    """(line, NAME, rest) of each instruction: continued lines joined, here-documents' bodies left out."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        first = at + 1
        line, at = lines[at], at + 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        while line.rstrip().endswith("\\") and at < len(lines):
            more, at = lines[at], at + 1
            if not more.lstrip().startswith("#"):  # a comment inside an instruction is no part of it
                line = line.rstrip()[:-1] + " " + more
        match = _INSTRUCTION.fullmatch(line)
        if match is None:
            continue
        for _, end in _HEREDOC.findall(match[2]):
            while at < len(lines) and lines[at].strip() != end:
                at += 1
            at += 1
        yield first, match[1].upper(), match[2].strip()


def _from_context(name: str, rest: str) -> Optional[str]:
    """What a COPY or ADD takes out of the context, or None."""
    while True:
        flag = _FLAG.match(rest)
        if flag is None:
            break
        if flag[1].startswith("from="):
            return None
        rest = rest[flag.end() :]
    for source in _words(rest)[:-1]:
        is_remote = name == "ADD" and ("://" in source or source.startswith("git@"))
        if not is_remote and not source.startswith("<<"):
            return source
    return None


def _words(rest: str) -> List[str]:
    if rest.startswith("["):
        try:
            told = json.loads(rest)
        except ValueError:
            return rest.split()
        return [str(word) for word in told]
    return rest.split()
