"""The folder of environments: what callers ask to resolve, find and build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from amlet.domain.environment import EnvironmentSpec, Lock
from amlet.environments import overlays, pythons, resolve, user_managed
from amlet.environments.builds import Build, Builds
from amlet.environments.pythons import Python

Log = Callable[[str], None]


class Environments:
    """Specs become locks, locks become builds, builds are kept.

    Every method may be called from any thread, and any number of processes may share the folder. The log callback
    gets whole lines, from the calling thread.
    """

    def __init__(self, root: Path, *, pythons: Sequence[Path] | None = None) -> None:
        """
        Args:
            root: The folder of builds (`Home.environments`); made when it is first needed.
            pythons: The interpreters that may be used; None looks for all on this machine.
        """
        self._root = root
        self._pythons = pythons
        self._builds = Builds(root / "builds", self.at_hand)
        self._private_options: dict[str, list[str]] = {}

    @property
    def platform(self) -> str:
        """The platform that locks are made for here, as `Lock.platform` has it."""
        return resolve.this_platform()

    def at_hand(self) -> list[Python]:
        """The interpreters that environments can be built for, oldest first."""
        return pythons.at_hand(self._pythons)

    def resolve(self, spec: EnvironmentSpec, log: Log) -> Lock:
        """Find the exact packages that a spec stands for. Blocks for seconds, on the network.

        Raises:
            InvalidInput: The spec has lines that nothing can be made of; all of them are named.
            EnvironmentFailed: No such package, version, wheel or Python, or two lines that do not fit together.
            StorageFailed: The disk is full.
        """
        if spec.user_managed:
            return user_managed.lock(spec, log)
        resolved = resolve.resolve(spec, self.at_hand(), log)
        if resolved.private_options:
            # An index may want the user's password, which no lock may hold: this process still knows it.
            self._private_options[resolved.lock.id] = resolved.private_options
        return resolved.lock

    def find(self, lock: Lock) -> Build | None:
        """The build of a lock if it is there and whole. Costs two looks at the disk."""
        if lock.interpreter is not None:
            return user_managed.find(lock)
        return self._builds.find(lock)

    def build(self, lock: Lock, log: Log) -> Build:
        """The build of a lock, made if it is not there. Blocks; whoever asks second waits for the first.

        Raises:
            EnvironmentFailed: A package could not be had any more, or this machine has not the lock's Python.
            StorageFailed: The disk is full.
        """
        if lock.interpreter is not None:
            return user_managed.build(lock)
        return self._builds.build(lock, log, self._private_options.get(lock.id))

    def overlay(self, python: Path, log: Log) -> Path:
        """A folder with what a scoring process needs besides the model's own packages, for this interpreter.

        Built once per Python version, kept like a build.

        Raises:
            EnvironmentFailed: The interpreter does not run, or there is no wheel for it.
            StorageFailed: The disk is full.
        """
        return overlays.overlay(self._root / "overlays", python, log)
