"""Where the packages of an environment come from besides conda's yaml: requirements files, conda's own environments."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.notice import say, warn

EXPORT_TIMEOUT_S = 300.0
_INCLUDES = ("-r", "--requirement")
_CONSTRAINTS = ("-c", "--constraint")


def requirement_lines(path: Union[str, Path], *, _within: Tuple[Path, ...] = ()) -> List[str]:
    """Every line of a requirements file, comments and blank ones too (v1-behaviours 10.5).

    A line `-r other.txt` is replaced by the lines of that file, since the server has only these.

    Raises:
        FileNotFoundError: if there is no such file, also one that a line names.
        UserErrorException: for a file that is no text, names itself, or names constraints.
    """
    place = Path(path).absolute()
    if place in _within:
        raise UserErrorException(f"The requirements file {place} includes itself, through {_within[-1]}.")
    if not place.exists():
        named = f", which {_within[-1]} names" if _within else ""
        raise FileNotFoundError(f"There is no requirements file {place}{named}.")
    try:
        text = place.read_text("utf-8-sig")
    except (IsADirectoryError, UnicodeDecodeError) as error:
        raise UserErrorException(f"{place} is no requirements file: it is not UTF-8 text.") from error
    found: List[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        option, value = _option(line)
        if option in _CONSTRAINTS:
            raise UserErrorException(
                f"Line {number} of {place} names a file of constraints, {value!r}, which is not sent.",
                hint="put its pins for the packages that you use into the requirements file.",
            )
        if option in _INCLUDES and "://" not in value:
            found += requirement_lines(place.parent / value, _within=(*_within, place))
        else:
            found.append(line)
    return found


def existing_conda_environment(name: str) -> Optional[Dict[str, Any]]:
    """The packages of an environment of conda's on this machine, as conda's yaml has them (v1-behaviours 10.6).

    Args:
        name: Its name, or its folder.

    Returns:
        The content of the yaml; None, with a message, when conda or the environment is missing.
    """
    import shutil
    import subprocess

    from amlet.sdk.conda_dependencies import parse_conda_yaml

    conda = os.environ.get("CONDA_EXE") or shutil.which("conda") or shutil.which("mamba")
    if conda is None:
        say("there is no conda on this machine: no environment is made. Use Environment.from_conda_specification.")
        return None
    which = f"--prefix={name}" if os.sep in name else f"--name={name}"
    try:
        done = subprocess.run(
            [conda, "env", "export", "--no-builds", which],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=EXPORT_TIMEOUT_S,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        warn(f"{conda} does not answer ({error}): no environment is made.")
        return None
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines()
        say(f'conda cannot export the environment "{name}": {why[-1].strip() if why else "it gives no reason"}')
        return None
    return parse_conda_yaml(done.stdout, f'of the environment "{name}"')


def _option(line: str) -> Tuple[str, str]:
    """(`-r`, `other.txt`) of `-r other.txt  # mine`, `-rother.txt`, `--requirement=other.txt`; else two empty texts."""
    text = line.strip()
    for name in (*_INCLUDES, *_CONSTRAINTS):
        if text.startswith(name):
            rest = text[len(name) :]
            if name.startswith("--") and not rest[:1].isspace() and rest[:1] != "=":
                continue
            try:
                words = shlex.split(rest.lstrip("= \t"), comments=True)
            except ValueError:
                words = [rest.strip()]
            return name, words[0] if words else ""
    return "", ""
