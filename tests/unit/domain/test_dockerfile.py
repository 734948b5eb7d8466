"""Dockerfiles without a build context, and those that make a lock's packages."""

from __future__ import annotations

import pytest

from amlet.domain.dockerfile import DockerfileFault, dockerfile_of, faults_of_dockerfile
from amlet.domain.environment import CondaFile, Container, Package, lock_of

LOCK = lock_of(
    "3.11",
    "linux-x86_64",
    "--index-url https://host/simple\njoblib==1.4.2 \\\n    --hash=sha256:00\n",
    [Package("joblib", "1.4.2")],
)


@pytest.mark.parametrize(
    "text",
    [
        "FROM ubuntu",
        "# a comment\nARG X=1\nfrom ubuntu AS base\nRUN echo COPY . /x\n",
        "FROM a AS b\nFROM c\nCOPY --from=b --chown=1 /x /y\n",
        "FROM a\nADD https://host/file /x\nADD --chmod=644 git@host:x.git /y\n",
        "FROM a\nCOPY <<EOF /x\nCOPY . /never\nEOF\nRUN <<'END'\nADD y /never\nEND\n",
        "FROM a\nRUN echo \\\n  # a comment inside\n  COPY . /x\n",
    ],
)
def test_a_dockerfile_that_stands_alone_has_no_fault(text: str) -> None:
    assert faults_of_dockerfile(text) == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [DockerfileFault(0, "it has no FROM")]),
        ("./docker/Dockerfile", [DockerfileFault(0, "it has no FROM")]),
        ("FROM a\n\nCOPY train.py /x\n", [DockerfileFault(3, "COPY 'train.py' needs a build context")]),
        ("FROM a\nRUN x \\\n y\nadd --chown=1 . /x", [DockerfileFault(4, "ADD '.' needs a build context")]),
        ('FROM a\nCOPY ["a b", "/x"]', [DockerfileFault(2, "COPY 'a b' needs a build context")]),
    ],
)
def test_what_needs_a_folder_is_named_with_its_line(text: str, faults: list[DockerfileFault]) -> None:
    assert faults_of_dockerfile(text) == faults


def test_the_dockerfile_of_a_lock_installs_its_files_by_hash() -> None:
    text = dockerfile_of(LOCK)
    assert "FROM python:3.11-slim" in text
    assert "pip install --no-cache-dir --no-deps --require-hashes" in text
    assert "joblib==1.4.2 \\\n    --hash=sha256:00\nEND-OF-FILE" in text
    assert faults_of_dockerfile(text) == []


def test_an_image_or_dockerfile_of_the_users_comes_first() -> None:
    assert "FROM my/image:1\n" in dockerfile_of(LOCK, Container(image="my/image:1"))
    text = dockerfile_of(LOCK, Container(dockerfile="FROM mine\nRUN a\n"))
    assert text.startswith("FROM mine\nRUN a\n# Lock ")
    assert faults_of_dockerfile(text) == []


def test_packages_of_conda_come_from_their_channel() -> None:
    files = [CondaFile("https://channel/linux-64/python-3.11.conda", "ab", "python", "3.11")]
    text = dockerfile_of(lock_of("3.11", "linux-x86_64", "", [Package("python", "3.11")], conda=files))
    assert "FROM mambaorg/micromamba\n" in text
    assert "@EXPLICIT\n# sha256 ab\nhttps://channel/linux-64/python-3.11.conda\n" in text


def test_a_lock_without_packages_is_its_python_alone() -> None:
    text = dockerfile_of(lock_of("3.12", "linux-x86_64", "", [], interpreter="/usr/bin/python3"))
    assert text.splitlines()[-1] == "FROM python:3.12-slim"
