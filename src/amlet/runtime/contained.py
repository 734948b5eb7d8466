"""The first process of a job's container: starts the bootstrap, passes signals on, and ends as it ends.

`<python> -I -S contained.py`; what it is to start comes by standard input, as one JSON object. So the run's token
stands neither on a command line nor in what the container program keeps of a container.
"""

from __future__ import annotations

import json
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, NoReturn, Optional

FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")

_OOM_FILES = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def asked(arguments: List[str], variables: Mapping[str, str], ahead: Mapping[str, str], drop: List[str]) -> str:
    """What `main` reads.

    Args:
        arguments: What to start.
        variables: Set for it, over what the image sets.
        ahead: Put before what the image has in variables that are lists of folders.
        drop: Variables of the image's that are not passed on.
    """
    fields = {"arguments": arguments, "variables": dict(variables), "ahead": dict(ahead), "drop": drop}
    return json.dumps(fields)


def environment(image: Mapping[str, str], told: Mapping[str, Any]) -> Dict[str, str]:
    """The variables of the job: the image's own, changed as told."""
    found = {name: text for name, text in image.items() if name not in told["drop"]}
    for name, text in told["ahead"].items():
        found[name] = text + os.pathsep + found[name] if found.get(name) else text
    found.update(told["variables"])
    if not os.access(found.get("HOME") or "/nowhere", os.W_OK):
        found["HOME"] = "/tmp"  # noqa: S108 - a user whom the image does not know has no other
    return found


def main() -> NoReturn:
    """Start what is asked for, and end as it ends."""
    told = json.loads(sys.stdin.buffer.read())
    variables = environment(os.environ, told)
    arguments = told["arguments"]
    child: Optional[int] = None
    early: List[int] = []

    def forward(number: int, _: object) -> None:
        if child is None:
            early.append(number)
            return
        try:
            os.killpg(child, number)
        except OSError:
            return  # it has ended meanwhile

    # The first process of a container gets only the signals that it has handlers for.
    for name in FORWARDED:
        signal.signal(getattr(signal, name), forward)
    pid = os.fork()
    if pid == 0:
        _become(arguments, variables)
    child = pid
    for number in early:
        forward(number, None)
    while True:
        ended, status = os.wait()  # also of orphans, which are this process's by now
        if ended == pid:
            break
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL and _out_of_memory():
            sys.stderr.write("amlet: the script was ended by the kernel: the container's memory is used up.\n")
            sys.stderr.flush()
        os._exit(128 + number)
    os._exit(os.WEXITSTATUS(status))


def _become(arguments: List[str], variables: Mapping[str, str]) -> NoReturn:
    try:
        os.setsid()
        for name in (*FORWARDED, "SIGPIPE", "SIGXFSZ"):  # the interpreter ignores the last two
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.execve(arguments[0], arguments, dict(variables))  # noqa: S606 - what this program is for
    except OSError as error:
        sys.stderr.write(f"amlet: cannot start {arguments[0]}: {error.strerror}.\n")
        sys.stderr.flush()
    finally:
        os._exit(127)


def _out_of_memory() -> bool:
    for path in _OOM_FILES:
        try:
            with open(path) as file:  # noqa: PTH123
                told = dict(line.split() for line in file)
        except (OSError, ValueError):
            continue
        if int(told.get("oom_kill", 0)) > 0:
            return True
    return False


if __name__ == "__main__":
    main()
