"""The Pythons of this machine, found by path."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

Minor = tuple[int, int]

OLDEST: Minor = (3, 8)
"""The oldest Python that the in-job side runs under."""

_PROBE = (
    "import json, sys; print(json.dumps([list(sys.version_info[:3]), sys.implementation.name, sys.prefix,"
    " sys.base_prefix, getattr(sys, 'abiflags', ''), sys.executable]))"
)
_PROBE_TIMEOUT_S = 20
_NAME = re.compile(r"python(3(\.\d+)?)?")

_probed: dict[tuple[str, int], tuple[Python, str] | None] = {}
_probing = threading.Lock()


class Python(NamedTuple):
    """One interpreter that runs."""

    path: Path
    version: tuple[int, int, int]
    executable: Path
    """As it calls itself: what a script that chooses among interpreters has chosen."""

    @property
    def minor(self) -> Minor:
        return self.version[:2]

    def __str__(self) -> str:
        return ".".join(str(part) for part in self.version)


def minor_text(minor: Minor) -> str:
    """`3.8`."""
    return f"{minor[0]}.{minor[1]}"


def minor_of(text: str) -> Minor:
    """The reverse of `minor_text`."""
    major, _, minor = text.partition(".")
    return int(major), int(minor)


def own_minor() -> Minor:
    """The minor version of the Python that runs us."""
    return sys.version_info[:2]


def at_hand(only: Sequence[Path] | None = None, *, fetched: Path | None = None) -> list[Python]:
    """One interpreter a minor version from 3.8 on, oldest first; broken ones are skipped.

    Of one minor version the interpreter that runs us comes first, else the newest patch release.

    Args:
        only: The interpreters to choose from; None looks in pyenv's and uv's folders, among Debian's and on PATH.
        fetched: Where we had uv install some, looked at after all others.
    """
    best: dict[Minor, Python] = {}
    for candidate in only if only is not None else _candidates(fetched):
        python = _base_of(candidate)
        if python is None or python.minor < OLDEST:
            continue
        held = best.get(python.minor)
        # The first candidate of all is the interpreter that runs us.
        is_settled = only is None and python.minor == own_minor()
        if held is None or (python.version > held.version and not is_settled):
            best[python.minor] = python
    return [best[minor] for minor in sorted(best)]


def probe(path: Path) -> Python | None:
    """What an interpreter is, or None when it does not run. Starts it once, then remembers."""
    answer = _probe(path)
    return answer[0] if answer else None


def _base_of(path: Path) -> Python | None:
    """The interpreter itself, or the one that a virtual environment was made from."""
    answer = _probe(path)
    if answer is None:
        return None
    python, base_prefix = answer
    if not base_prefix:
        return python
    base = Path(base_prefix, "bin", f"python{minor_text(python.minor)}")
    found = _probe(base)
    return found[0] if found else None


def _probe(path: Path) -> tuple[Python, str] | None:
    try:
        key = (str(path), path.stat().st_mtime_ns)
    except OSError:
        return None
    # One at a time: the second of two threads finds the answer of the first.
    with _probing:
        if key not in _probed:
            _probed[key] = _ask(path)
        return _probed[key]


def _ask(path: Path) -> tuple[Python, str] | None:
    try:
        # -I and -S: the user's variables and site-packages can neither slow nor break the answer.
        done = subprocess.run(
            [str(path), "-I", "-S", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=True,
        )
        version, implementation, prefix, base_prefix, flags, executable = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if implementation != "cpython" or flags not in ("", "m"):
        # Free-threaded and debug builds want wheels of their own; until 3.7 every build had an "m".
        return None
    python = Python(path, (version[0], version[1], version[2]), Path(executable))
    return python, base_prefix if base_prefix != prefix else ""


def _candidates(fetched: Path | None) -> Iterator[Path]:
    seen = set()
    for path in _places(fetched):
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        if real not in seen and os.access(real, os.X_OK):
            seen.add(real)
            yield path


def _places(fetched: Path | None) -> Iterator[Path]:
    own = minor_text(own_minor())
    yield Path(sys.base_prefix, "bin", f"python{own}")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/*/bin/python"))
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    installed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from sorted(installed.glob("*/bin/python3"))
    for folder in (Path("/usr/bin"), Path("/usr/local/bin")):
        yield from _named_python(folder)
    for text in os.environ.get("PATH", "").split(os.pathsep):
        # pyenv's shims are scripts that choose an interpreter by the current folder.
        folder = Path(text)
        if folder.is_absolute() and folder != pyenv / "shims":
            yield from _named_python(folder)
    if fetched is not None:
        yield from sorted(fetched.glob("*/bin/python3"))


def _named_python(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []
