"""Containers, up to where a container program is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.base.errors import EnvironmentFailed, InvalidInput
from amlet.domain.environment import Container, EnvironmentSpec, lock_of
from amlet.domain.job import Share
from amlet.environments import Environments, container_program
from amlet.environments.container_program import Finished, Program, last_line, mount
from amlet.environments.containers import Contained, _are_refused, plain, run_arguments, under
from amlet.environments.images import dockerfile_image, in_full

PODMAN = Program(Path("/usr/bin/podman"), is_podman=True, user="0:0")


def held(**more: object) -> Contained:
    fields = {"limits": ["cpus", "memory", "pids"], "refused": "", "shm_size": "2g", "arguments": [], **more}
    return Contained(PODMAN, "sha256:1", Path("/b/bin/python"), is_images_own=False, shown=[Path("/b")], **fields)


def arguments(contained: Contained) -> list[str]:
    share = Share(3, 1000)
    places = {"work": Path("/a/work"), "writable": Path("/a"), "shown": Path("/sdk")}
    return run_arguments(contained, ["-I", "x.py"], labels=["--name=n"], share=share, **places)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("python", "docker.io/library/python"),
        ("python:3.11-slim", "docker.io/library/python:3.11-slim"),
        ("continuumio/miniconda3", "docker.io/continuumio/miniconda3"),
        ("mcr.microsoft.com/azureml/x:1", "mcr.microsoft.com/azureml/x:1"),
        ("localhost/x", "localhost/x"),
        ("registry:5000/x", "registry:5000/x"),
    ],
)
def test_a_short_name_means_what_docker_means_by_it(short, full) -> None:
    assert in_full(short) == full


def test_a_dockerfile_is_named_by_its_text_alone() -> None:
    assert dockerfile_image("FROM a\n") == dockerfile_image("FROM a\n") != dockerfile_image("FROM b\n")
    assert dockerfile_image("FROM a\n").startswith("amlet-")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a b/ü", ["-v", "/a b/ü:/a b/ü:ro"]),
        ("/a,b", ["-v", "/a,b:/a,b:ro"]),
        ('/a:"b",c', ["--mount", 'type=bind,"src=/a:""b"",c","dst=/a:""b"",c",ro=true']),
    ],
)
def test_a_folder_is_shown_at_its_own_place_whatever_it_is_called(path, expected) -> None:
    assert mount(Path(path)) == expected


def test_a_container_gets_its_share_and_sees_only_what_it_must() -> None:
    given = arguments(held())
    assert {"--cpus=3", "--memory=1000b", "--pids-limit=16384", "--shm-size=2g", "--network=host", "--rm"} <= {*given}
    assert [given[place + 1] for place, text in enumerate(given) if text == "-v"] == [
        "/a:/a",
        "/sdk:/sdk:ro",
        "/b:/b:ro",
    ]
    assert given[-4:] == ["--entrypoint=/b/bin/python", "sha256:1", "-I", "x.py"]
    assert sum(text.startswith(("nofile=", "nproc=")) for text in given) == 2


def test_only_limits_that_can_be_set_are_asked_for() -> None:
    given = arguments(held(limits=["memory", "pids"]))
    assert "--memory=1000b" in given
    assert not any(text.startswith("--cpus") for text in given)


def test_a_users_own_network_and_memory_replace_ours() -> None:
    given = arguments(held(arguments=["--ipc=host", "--network=none", "--gpus", "all"]))
    assert "--network=host" not in given
    assert not any(text.startswith("--shm-size") for text in given)
    assert given.index("--gpus") < given.index("--entrypoint=/b/bin/python")


def test_the_lock_of_a_container_shares_its_packages_build_with_the_plain_one() -> None:
    without = lock_of("3.11", "linux-x86_64", "six==1.0\n", [])
    with_image = lock_of("3.11", "linux-x86_64", "six==1.0\n", [], image="sha256:1")
    assert with_image.id != without.id
    assert plain(with_image) == plain(without) == without


def test_what_a_build_links_to_is_shown_and_no_whole_system_folder(tmp_path) -> None:
    build, prefix = tmp_path / "build", tmp_path / "pyenv" / "3.11.7"
    (build / "bin").mkdir(parents=True)
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python3.11").touch()
    (tmp_path / "link").symlink_to(prefix)
    (build / "bin" / "python").symlink_to(tmp_path / "link" / "bin" / "python3.11")
    (build / "bin" / "python3").symlink_to("python")
    assert under(build) == [tmp_path / "link", prefix]

    (build / "bin" / "python").unlink()
    (build / "bin" / "python").symlink_to("/usr/bin/env")  # stands for Debian's Python
    assert Path("/usr") not in under(build)
    assert Path("/usr/bin/env") in under(build)


@pytest.mark.parametrize(
    "told",
    [
        (126, "Error: OCI runtime error: crun: the requested cgroup controller `cpu` is not available"),
        (125, "Error: OCI runtime error: runc: can't set cpu.max: open /sys/fs/cgroup/x/cpu.max: no such file"),
        (0, "Resource limits are not supported and ignored on cgroups V1 rootless systems"),
        (0, "WARNING: Your kernel does not support swap limit capabilities. Limitation discarded."),
    ],
)
def test_refused_limits_are_told_from_other_failures(told) -> None:
    assert _are_refused(["cpus"], Finished(told[0], "", told[1]))
    assert not _are_refused([], Finished(told[0], "", told[1]))
    assert not _are_refused(["cpus"], Finished(127, "", 'Error: exec: "python": executable file not found in $PATH'))


def test_the_line_that_says_why_is_found() -> None:
    assert last_line("Trying to pull x...\nError: no such host.\n") == "no such host"
    assert last_line("docker: Cannot connect.\n\nRun 'docker run --help'") == "Cannot connect"
    assert last_line("") == "nothing"


@pytest.mark.parametrize(
    ("container", "said"),
    [
        (Container("-v/etc:/etc"), "is not the name of an image"),
        (Container("docker-archive:/etc/passwd"), "is not the name of an image"),
        (Container("a", shm_size="plenty"), "'plenty' is not a size"),
        (Container("a", arguments=["--gpus", "all", "--name=mine"]), r"container.arguments\[2\]: --name is for amlet"),
    ],
)
def test_what_no_container_could_be_started_with_is_refused_at_once(container, said, tmp_path) -> None:
    spec = EnvironmentSpec("e", user_managed=True, container=container)
    with pytest.raises(InvalidInput, match=said):
        Environments(tmp_path).resolve(spec, lambda _: None)


def test_without_a_container_program_the_image_and_both_ways_out_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    spec = EnvironmentSpec("e", user_managed=True, container=Container("pytorch/pytorch:2"))
    with pytest.raises(EnvironmentFailed) as caught:
        Environments(tmp_path).resolve(spec, lambda _: None)
    said = str(caught.value)
    assert 'the image "pytorch/pytorch:2", and this machine has neither podman nor docker' in said
    assert "env.docker.base_image = None" in said
    assert "apt install podman" in said


def test_no_variable_of_ours_reaches_the_container_program(monkeypatch) -> None:
    monkeypatch.setenv("AMLET_TOKEN", "secret")
    monkeypatch.setenv("AMLET_JOURNAL_DIR", "/x")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    found = container_program.program_variables()
    assert found["XDG_RUNTIME_DIR"] == "/run/user/1"
    assert not any(name.startswith("AMLET_") for name in found)
