"""Jobs in containers: `podman run` is the job's process, with the same files, signals and end as any other."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.errors import StorageFailed
from amlet.base.variables import NOT_INHERITED
from amlet.domain.job import Lease
from amlet.environments import conda
from amlet.environments.container_program import Program, ask, last_line, program_variables
from amlet.environments.containers import Contained, run_arguments
from amlet.node.parts import Parts
from amlet.node.processes import JobProcess
from amlet.node.variables import contained_variables
from amlet.runtime import contained as first_process
from amlet.runtime.attempt import RESULT_FILE, write_json
from amlet.runtime.process import mark_of

CONTAINER_FILE = "container.json"
"""In the attempt's folder, before the container is: a node that comes after must find and end it."""

REMOVE_S = 60.0
NOT_STARTED = (125, 126, 127)
"""Exit codes of podman's and docker's own: the container could not be started."""

log = logging.getLogger("amlet.node")


class Held(NamedTuple):
    """One container, as the attempt's folder notes it."""

    name: str
    path: str
    is_podman: bool
    output: str

    @property
    def program(self) -> Program:
        return Program(Path(self.path), self.is_podman, "")


class ContainerProcess(JobProcess):
    """The container program of one job. What ends it ends the container too, whichever of the two still lives."""

    held: Held
    _is_told_to_end = False
    _is_removed = False

    @classmethod
    def start_in(
        cls,
        contained: Contained,
        lease: Lease,
        parts: Parts,
        command: Sequence[str],
        *,
        folder: Path,
        work: Path,
        journals: Path,
        output: Path,
    ) -> ContainerProcess:
        """Start a job's command in its container; see `JobProcess.start`.

        Args:
            command: What follows the interpreter, as it would outside.
        """
        held = Held(
            container_name(lease, folder), str(contained.program.path), contained.program.is_podman, str(output)
        )
        try:
            write_json(folder / CONTAINER_FILE, held._asdict())
            if contained.refused:
                with output.open("a", encoding="utf-8") as told:
                    told.write(f"amlet: {contained.refused}.\n")
        except OSError as error:
            raise StorageFailed.from_os_error(error, error.filename or folder) from error
        python = contained.python
        drop = [] if contained.is_images_own else list(NOT_INHERITED)
        # Without a PATH of ours: the image has its own.
        build = {"PATH": str(python.parent)} if contained.is_images_own else conda.activated({"PATH": ""}, python)
        ahead = {"PYTHONPATH": str(parts.sdk), "PATH": build.pop("PATH").rstrip(os.pathsep)}
        variables = {**build, **contained_variables(lease, parts.sdk, journals)}
        asked = first_process.asked([str(python), *command], variables, ahead, drop)
        arguments = run_arguments(
            contained,
            ["-I", "-S", str(parts.sdk / "amlet" / "runtime" / "contained.py")],
            labels=[f"--name={held.name}", f"--label=amlet.run={lease.run_id}", f"--label=amlet.home={parts.home}"],
            work=work,
            writable=folder,
            shown=parts.sdk,
            share=lease.share,
        )
        with _readable(asked) as told_fd:
            try:
                process = cls.start(
                    [str(contained.program.path), *arguments],
                    folder=folder,
                    cwd=Path("/"),
                    variables=program_variables(),
                    output=output,
                    stdin=told_fd,
                )
            except BaseException:
                _remove(held)
                raise
        process.held = held
        return process

    @classmethod
    def adopt(cls, folder: Path) -> ContainerProcess | None:
        """The container that an earlier node started for the attempt; None when it is not known to have begun."""
        held = _read(folder)
        process = super().adopt(folder) if held is not None else None
        if process is not None and held is not None:
            process.held = held
        return process

    def signal_number(self) -> int | None:
        code = self._child.poll() if self._child is not None else None
        if code is not None and code > 128 and code - 128 != signal.SIGKILL:
            return code - 128
        return super().signal_number()

    def reason(self) -> str | None:
        code = self._child.poll() if self._child is not None else None
        if code not in NOT_STARTED:
            return None
        with contextlib.suppress(OSError), Path(self.held.output).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            told = file.read().decode("utf-8", "replace")
            return f"The container could not be run: {last_line(told)}."
        return "The container could not be run."

    def terminate(self) -> None:
        self._is_told_to_end = True
        super().terminate()

    def kill(self) -> None:
        super().kill()
        if not self._is_removed and not self._is_removed_by_itself():
            self._is_removed = True
            _remove(self.held)

    def _is_removed_by_itself(self) -> bool:
        # podman ends with code 0 when a signal comes before the container is started, and leaves it.
        ended = self._child is not None and self._child.poll() is not None
        return ended and not self._is_told_to_end and (Path(self.held.output).parent / RESULT_FILE).exists()


def adopted(folder: Path) -> JobProcess | None:
    """The process that an earlier node noted in an attempt's folder, in a container or not."""
    if (folder / CONTAINER_FILE).exists():
        return ContainerProcess.adopt(folder)
    return JobProcess.adopt(folder)


def end_left_over(folder: Path) -> None:
    """End the container of an attempt that nobody takes up, and what is about to start it."""
    held = _read(folder)
    if held is None:
        return
    wanted = f"--name={held.name}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            mark = mark_of(int(entry.name))
            if wanted in (entry / "cmdline").read_bytes().split(b"\0") and mark.is_alive():
                os.kill(mark.pid, signal.SIGKILL)
    _remove(held)


def container_name(lease: Lease, folder: Path) -> str:
    """The container's name, from run and attempt; the folder's tells runs of different workspaces apart."""
    run_id = re.sub(r"[^A-Za-z0-9_.-]", "-", lease.run_id)[:100]
    return f"amlet-{run_id}-{lease.attempt}-{folder.name[:8]}"


def _remove(held: Held) -> None:
    done = ask(Path(held.path), held.program.remove_arguments(held.name), timeout_s=REMOVE_S)
    if done.code and "no such container" not in done.told.lower():
        log.warning("container %s: %s", held.name, last_line(done.told))


def _read(folder: Path) -> Held | None:
    try:
        return Held(**json.loads((folder / CONTAINER_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def _readable(text: str) -> Iterator[int]:
    """A descriptor to read a text from that lies on no disk."""
    descriptor = os.memfd_create("amlet-job", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
