"""The folder of environments: what callers ask to resolve, find and build."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from amlet.domain.environment import Container, EnvironmentSpec, Lock
from amlet.environments import conda, overlays, pythons, requirements, resolve, user_managed
from amlet.environments.builds import Build, Builds
from amlet.environments.bytecode import ByteCode
from amlet.environments.containers import Contained, Containers, plain
from amlet.environments.overlays import SCORING, Overlay
from amlet.environments.python_install import PythonInstall
from amlet.environments.pythons import Python
from amlet.environments.resolve import NeedsConda
from amlet.environments.uv_program import network_off

Log = Callable[[str], None]
B = TypeVar("B", Build, Build | None)


class Environments:
    """Specs become locks, locks become builds, builds are kept.

    Every method may be called from any thread, and any number of processes may share the folder. The log callback
    gets whole lines, from the calling thread.
    """

    def __init__(
        self, root: Path, *, pythons: Sequence[Path] | None = None, strict: bool = False, compiles: bool = False
    ) -> None:
        """
        Args:
            root: The folder of builds (`Home.environments`); made when it is first needed.
            pythons: The interpreters that may be used; None looks for all on this machine, and fetches what a spec
                names where the network allows.
            strict: Every spec is taken as a strict one.
            compiles: Builds that are used are byte-compiled in the background.
        """
        self._root = root
        self._pythons = pythons
        self._strict = strict
        self._fetched = PythonInstall(root / "pythons")
        self._conda = root / "conda"
        self._builds = Builds(root / "builds", self.at_hand, self._conda)
        self._containers = Containers(root / "containers")
        self._byte_code = ByteCode(root) if compiles else None

    @property
    def platform(self) -> str:
        """The platform that locks are made for here, as `Lock.platform` has it."""
        return resolve.this_platform()

    def at_hand(self) -> list[Python]:
        """The interpreters that environments can be built for, oldest first."""
        return pythons.at_hand(self._pythons, fetched=self._fetched.root)

    def kept_by(self, content_key: str) -> str:
        """What a lock of this content is kept by: a strict server must not take one that was relaxed."""
        return f"{content_key}-strict" if self._strict else content_key

    @staticmethod
    def kept_afar_by(content_key: str) -> str:
        """The same of an interpreter that its user manages on other machines than this."""
        return f"{content_key}-afar"

    @staticmethod
    def network(*, offline: bool) -> contextlib.AbstractContextManager[None]:
        """Around `resolve` and `build`: with `offline` they take what the cache has, and ask nobody."""
        return network_off() if offline else contextlib.nullcontext()

    def resolve(self, spec: EnvironmentSpec, log: Log, *, here: bool = True) -> Lock:
        """Find the exact packages that a spec stands for. Blocks for seconds, on the network.

        Args:
            here: It runs on this machine; else an interpreter that its user manages is looked for where it runs.

        Raises:
            InvalidInput: The spec has lines that nothing can be made of; all of them are named.
            EnvironmentFailed: No such package, version, wheel or Python, or two lines that do not fit together.
            StorageFailed: The disk is full.
        """
        if spec.container is not None:
            return self._containers.lock(spec, lambda: self.resolve(spec._replace(container=None), log), log)
        if spec.user_managed:
            return user_managed.lock(spec, log, here=here)
        spec = spec._replace(strict=True) if self._strict else spec
        only_conda = requirements.read(spec).only_conda
        does_without = bool(only_conda) and conda.can_do_without(only_conda, self._conda)
        if only_conda and not does_without:
            return self._by_conda(spec, NeedsConda(only_conda), log)
        at_hand = self.at_hand()
        missing = resolve.worth_fetching(spec, at_hand) if self._pythons is None else None
        if missing is not None and self._fetched.fetch(missing, log):
            at_hand = self.at_hand()
        try:
            return resolve.resolve(spec, at_hand, log, program=conda.own_program if does_without else lambda _: None)
        except NeedsConda as needs:
            return self._by_conda(spec, needs, log)

    def _by_conda(self, spec: EnvironmentSpec, needs: NeedsConda, log: Log) -> Lock:
        return conda.resolve(spec, needs.lines, self.at_hand(), log, cache=self._conda, otherwise=needs.otherwise)

    def find(self, lock: Lock) -> Build | None:
        """The build of a lock if it is there and whole. Costs two looks at the disk."""
        if lock.interpreter is not None:
            return _in_image(lock) or user_managed.find(lock)
        return self._used(self._builds.find(plain(lock)))

    def build(self, lock: Lock, log: Log) -> Build:
        """The build of a lock, made if it is not there. Blocks; whoever asks second waits for the first.

        Raises:
            EnvironmentFailed: A package could not be had any more, or this machine has not the lock's Python.
            StorageFailed: The disk is full.
        """
        if lock.interpreter is not None:
            return _in_image(lock) or user_managed.build(lock)
        lock = plain(lock)
        fetches = self._pythons is None and not lock.conda
        if fetches and lock.platform == self.platform and self._builds.find(lock) is None:
            minor = pythons.minor_of(lock.python)
            if minor not in [python.minor for python in self.at_hand()]:
                self._fetched.fetch(minor, log)
        return self._used(self._builds.build(lock, log))

    def contained(self, container: Container, lock: Lock, log: Log) -> Contained:
        """What a job of a lock with an image runs in. The first time blocks: the build is made and the image had if
        they are not here, and the Python is run in it once.

        Raises:
            EnvironmentFailed: no container program answers, the image cannot be had, or the Python does not run in it.
            StorageFailed: the disk is full.
        """
        build = self.find(lock) or self.build(lock, log)
        return self._containers.contained(container, lock, build, log)

    def overlay(self, python: Path, log: Log, what: Overlay = SCORING) -> Path:
        """A folder with what a process of ours needs besides the packages that are there, for this interpreter.

        Built once per Python version, kept like a build.

        Raises:
            EnvironmentFailed: The interpreter does not run, or there is no wheel for it.
            StorageFailed: The disk is full.
        """
        return overlays.overlay(self._root / "overlays", python, log, what)

    def close(self) -> None:
        """End what goes on in the background."""
        if self._byte_code is not None:
            self._byte_code.close()

    def _used(self, build: B) -> B:
        if self._byte_code is not None and build is not None:
            self._byte_code.want(build.path)
        return build


def _in_image(lock: Lock) -> Build | None:
    """The image's own Python: nothing of it is on this machine."""
    python = Path(lock.interpreter or "")
    return Build(python.parent.parent, python, lock.id) if lock.image is not None else None
