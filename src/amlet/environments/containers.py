"""Containers: what a job of an environment with an image of the user's own runs in, proven once to work."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.container_limits import ulimits
from amlet.base.errors import EnvironmentFailed, FieldError, InvalidInput, StorageFailed
from amlet.base.hashing import sha256_bytes
from amlet.base.paths import owner_only
from amlet.domain.environment import Container, EnvironmentSpec, Lock, lock_of
from amlet.domain.job import Share
from amlet.environments import container_program
from amlet.environments.builds import Build
from amlet.environments.container_program import Program, ask, last_line, mount
from amlet.environments.images import Images, described
from amlet.environments.pythons import OLDEST, minor_text
from amlet.environments.resolve import this_platform
from amlet.runtime.attempt import write_json

Log = Callable[[str], None]

SHM_SIZE = "2g"
"""v1's default (v1-behaviours 10.1)."""

PROCESSES = 16_384
"""Processes and threads in one container: more than any library starts, and an end to a script that forks for ever."""

CPUS, MEMORY, PIDS = "cpus", "memory", "pids"
LIMITS = ((CPUS, MEMORY, PIDS), (MEMORY, PIDS), ())
"""What is tried, most first: a user without root may often set all but cores, and some machines allow none."""

RESERVED = frozenset(
    [
        *("-d", "--detach", "-i", "--interactive", "-t", "--tty", "--rm", "--restart", "--replace", "--pull"),
        *("--name", "--cidfile", "--pidfile", "--entrypoint", "-w", "--workdir", "-u", "--user"),
        *("--env-file", "--log-driver"),
    ]
)
"""Arguments that are amlet's own to give."""

_PROBE_TIMEOUT_S = 120.0
_SHARED_PREFIXES = (Path("/"), Path("/usr"), Path("/usr/local"))

_PROBE = """
import json, os, sys
lost = []
for name in ("zlib", "ctypes", "ssl", "bz2", "lzma", "sqlite3"):
    try:
        __import__(name)
    except ImportError as error:
        lost.append("%s (%s)" % (name, error))
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (ValueError, OSError, AttributeError):
    libc = ""
print(json.dumps([list(sys.version_info[:3]), sys.executable, libc, lost]))
"""
"""Runs under any Python, so that one that is too old can say so."""


_REFERENCE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(/[A-Za-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


class Contained(NamedTuple):
    """A container that jobs of one lock run in."""

    program: Program
    image: str
    python: Path
    """The interpreter, as the container sees it."""
    is_images_own: bool
    """The image's own Python and packages, which amlet did not build."""
    shown: list[Path]
    """Folders and files of this machine that the container must see, read-only."""
    limits: list[str]
    """Of cpus, memory and pids those that can be set here."""
    refused: str
    """Why the others cannot; empty when all can."""
    shm_size: str
    arguments: list[str]
    """The user's own for `podman run`."""


class _Proven(NamedTuple):
    """What is known of a lock's Python in an image."""

    limits: list[str]
    refused: str


class Containers:
    """What is known of images: safe to use from any thread and process."""

    def __init__(self, root: Path) -> None:
        self._proven = root / "proven"
        self._images = Images(root / "images")

    def lock(self, spec: EnvironmentSpec, packages: Callable[[], Lock], log: Log) -> Lock:
        """The lock of a spec with a container: its packages, or the image's own Python, and the exact image.

        Args:
            packages: Resolves the spec's packages; not called when the user manages them.

        Raises:
            InvalidInput: an argument that is amlet's to give, or a size that is none.
            EnvironmentFailed: no container program; the image cannot be had; its Python is missing or too old.
        """
        container = spec.container
        assert container is not None
        _check(container)
        program = container_program.find(described(container))
        if not spec.user_managed:
            held = packages()
            image = self._images.provide(program, container, log)
            note = f"Jobs run in a container of {described(container)}: {image}."
            log(note)
            return lock_of(
                held.python,
                held.platform,
                held.requirements,
                held.packages,
                as_of=held.as_of,
                notes=[*held.notes, note],
                conda=held.conda,
                indexes=held.indexes,
                image=image,
            )
        image = self._images.provide(program, container, log)
        version, python = _own_python(program, container, image, spec.interpreter)
        text = ".".join(map(str, version))
        note = f"Jobs run in a container of {described(container)} ({image}) with its own Python {text} at {python}."
        log(note)
        minor = minor_text((version[0], version[1]))
        return lock_of(minor, this_platform(), "", [], notes=[note], interpreter=python, image=image)

    def contained(self, container: Container, lock: Lock, build: Build, log: Log) -> Contained:
        """What a job runs in: the image is here and the Python has run in it. See `Environments.contained`."""
        program = container_program.find(described(container))
        image = lock.image or ""
        self._images.ensure(program, container, image, log)
        own = lock.interpreter is not None
        shown = [] if own else [build.path, *under(build.path)]
        note = self._proven / f"{sha256_bytes(f'{program.path} {image} {lock.id}'.encode())[:32]}.json"
        held = _noted(note)
        if held is None:
            held = _prove(program, container, image, build.python, shown, own=own, log=log)
            try:
                owner_only(self._proven)
                write_json(note, held._asdict())
            except OSError as error:
                raise StorageFailed.from_os_error(error, note) from error
        return Contained(
            program,
            image,
            build.python,
            own,
            shown,
            held.limits,
            held.refused,
            container.shm_size or SHM_SIZE,
            container.arguments,
        )


def plain(lock: Lock) -> Lock:
    """The same packages without the image: builds are shared with whoever needs just them."""
    if lock.image is None:
        return lock
    return lock_of(
        lock.python,
        lock.platform,
        lock.requirements,
        lock.packages,
        as_of=lock.as_of,
        notes=lock.notes,
        interpreter=lock.interpreter,
        conda=lock.conda,
        indexes=lock.indexes,
    )


def run_arguments(
    held: Contained,
    command: Sequence[str],
    *,
    labels: Sequence[str],
    work: Path,
    writable: Path,
    shown: Path,
    share: Share,
) -> list[str]:
    """What follows `podman` to run a command of the container's Python; nothing in it is secret.

    Args:
        command: What follows the interpreter.
        labels: `--name` and `--label` arguments.
        work: The working directory.
        writable: The folder that the job writes below, `work` in it.
        shown: Another folder that it reads.
    """
    given = [*_always(held.program), *labels, "--interactive", f"--workdir={work}", "--log-driver=none"]
    given += _limits(held.limits, share.cores, share.memory_bytes)
    names = {text.partition("=")[0] for text in held.arguments}
    if not names & {"--ipc", "--shm-size"}:  # neither program takes a size for another's memory
        given.append(f"--shm-size={held.shm_size}")
    if not names & {"--network", "--net"}:
        given.append("--network=host")  # the server may listen on loopback alone
    given += mount(writable, writable=True)
    for path in (shown, *held.shown):
        given += mount(path)
    return [*given, *held.arguments, f"--entrypoint={held.python}", held.image, *command]


def _limits(names: Sequence[str], cores: int, memory_bytes: int) -> list[str]:
    given = []
    if CPUS in names and cores:
        given.append(f"--cpus={cores}")
    if MEMORY in names and memory_bytes:
        given.append(f"--memory={memory_bytes}b")
    if PIDS in names:
        given.append(f"--pids-limit={PROCESSES}")
    return given


def _always(program: Program) -> list[str]:
    # Folders of the user's cannot be given SELinux labels of a container's.
    return ["run", "--rm", "--pull=never", "--security-opt=label=disable", f"--user={program.user}", *ulimits()]


def under(build: Path) -> list[Path]:
    """What a build links to outside itself: the interpreter it was made from, and that one's library."""
    found: dict[Path, None] = {}

    def add(python: Path) -> None:
        prefix = python.parent.parent
        if prefix not in _SHARED_PREFIXES:
            found[prefix] = None
            return
        # A whole /usr would hide the image's own: the interpreter alone, and what it cannot run without.
        found[python] = None
        for pattern in (f"lib/{python.resolve().name}", "lib/libpython3*.so*"):
            found.update(dict.fromkeys(path for path in sorted(prefix.glob(pattern)) if path.exists()))

    place = build / "bin" / "python"
    while place.is_symlink():
        place = Path(os.path.normpath(place.parent / place.readlink()))
        if not place.is_relative_to(build):
            add(place)
    if found:
        add(place.resolve())
    return list(found)


def _prove(
    program: Program, container: Container, image: str, python: Path, shown: Sequence[Path], *, own: bool, log: Log
) -> _Proven:
    """Run the Python in the image, with as many limits as this machine lets us set; say what is to be known."""
    refused = ""
    for names in LIMITS:
        done = _run_python(program, image, str(python), shown, names, isolated=not own)
        if not _are_refused(names, done):
            break
        refused = refused or last_line(done.told)
    answer = _answer(done)
    if answer is None:
        raise _does_not_run(container, image, python, done, own=own)
    _, _, libc, lost = answer
    log(f"Python runs in {described(container)}" + (f", which has {libc}." if libc else "."))
    if lost and not own:
        log("In this image that Python lacks: " + "; ".join(lost))
    here = _libc_here()
    if libc and not own and _number(libc) < _number(here):
        log(f"The image has {libc} and this machine {here}: a package that needs the newer one will not load there.")
    if refused:
        kept = " and ".join(names) or "none"
        refused = f"not every limit can be set on containers here ({refused}); set: {kept}"
        log(f"Warning: {refused}.")
    return _Proven(list(names), refused)


def _own_python(program: Program, container: Container, image: str, asked: str) -> tuple[list[int], str]:
    """Version and path of the image's own Python.

    Raises:
        EnvironmentFailed: it is not there, does not run or is too old.
    """
    hint = "set python.interpreter_path of the environment to the path of a Python 3.8 or newer inside the image."
    # v1's default is `python`; many images have only `python3`.
    for name in (asked, "python3") if asked == "python" else (asked,):
        for names in LIMITS:
            done = _run_python(program, image, name, [], names, isolated=False)
            if not _are_refused(names, done):
                break
        answer = _answer(done)
        if answer is not None:
            version, path, _, _ = answer
            text = ".".join(map(str, version))
            if tuple(version) < OLDEST:
                raise EnvironmentFailed(
                    f"{asked} in {described(container)} is Python {text}, and jobs need 3.8 or newer.", hint=hint
                )
            return version, path or name
    if _is_missing(done):
        raise EnvironmentFailed(f"There is no interpreter {asked!r} in {described(container)}.", hint=hint)
    raise EnvironmentFailed(
        f"{asked} in {described(container)} does not run as a Python interpreter: {last_line(done.told)}.", hint=hint
    )


def _run_python(
    program: Program, image: str, python: str, shown: Sequence[Path], limits: Sequence[str], *, isolated: bool
) -> container_program.Finished:
    arguments = [*_always(program), "--network=host", *_limits(limits, 1, 1 << 28)]
    for path in shown:
        arguments += mount(path)
    code = ["-I", "-c", _PROBE] if isolated else ["-c", _PROBE]
    return ask(program.path, [*arguments, f"--entrypoint={python}", image, *code], timeout_s=_PROBE_TIMEOUT_S)


def _answer(done: container_program.Finished) -> tuple[list[int], str, str, list[str]] | None:
    try:
        version, path, libc, lost = json.loads(done.output.strip().splitlines()[-1])
        return list(version), str(path), str(libc), [str(text) for text in lost]
    except (ValueError, IndexError, TypeError):
        return None


def _does_not_run(
    container: Container, image: str, python: Path, done: container_program.Finished, *, own: bool
) -> EnvironmentFailed:
    if own:
        return EnvironmentFailed(
            f"{python} does not run in {described(container)} ({image[:19]}): {last_line(done.told)}.",
            hint="build the environment anew: `env.build(ws)`.",
        )
    needed = re.findall(r"GLIBC_[0-9.]+", done.told)
    if needed:
        why = f"its C library is too old for that Python, which needs {max(needed, key=_number)}"
    elif _is_missing(done):
        why = "it has no glibc, which that Python needs (Alpine's images have musl)"
    else:
        why = last_line(done.told)
    return EnvironmentFailed(
        f"The Python that the environment's packages were installed for does not run in {described(container)}: {why}.",
        hint="take a base image like this machine's system, or use the image's own Python and packages: "
        "env.python.user_managed_dependencies = True.",
    )


def _are_refused(limits: Sequence[str], done: container_program.Finished) -> bool:
    if done.code == 0:  # both programs may start a container all the same
        pattern = r"limits? .*not supported|limitation discarded"
    else:
        pattern = r"cgroup|controller|cpu\.|cfs|memory\.|pids|swap|resource limits"
    return bool(limits) and re.search(pattern, done.told, re.IGNORECASE) is not None


def _is_missing(done: container_program.Finished) -> bool:
    # 126 and 127 are the container program's own; a loader that is not there is found only by the exec itself.
    is_no_program = done.code in (126, 127) or done.told.startswith("exec ")
    return is_no_program and re.search(r"no such file|not found", done.told, re.IGNORECASE) is not None


def _check(container: Container) -> None:
    faults = []
    if container.image is not None and not _REFERENCE.fullmatch(container.image):
        faults.append(FieldError("container.image", f"{container.image!r} is not the name of an image"))
    if container.shm_size is not None and not re.fullmatch(r"[0-9]+[bkmgBKMG]?", container.shm_size):
        faults.append(FieldError("container.shm_size", f"{container.shm_size!r} is not a size such as 2g"))
    for number, text in enumerate(container.arguments):
        name = text.partition("=")[0]
        if name in RESERVED:
            faults.append(FieldError(f"container.arguments[{number}]", f"{name} is for amlet to give"))
    if faults:
        raise InvalidInput.of(faults, subject="the environment")


def _noted(note: Path) -> _Proven | None:
    try:
        held = json.loads(note.read_bytes())
        return _Proven([str(name) for name in held["limits"]], str(held["refused"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _libc_here() -> str:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):
        return ""


def _number(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"[0-9]+", text)))
