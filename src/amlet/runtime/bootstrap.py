"""Starts a job's script as `python script.py` would, and writes `result.json` as its last act.

`<python of the build> bootstrap.py <attempt folder>`, in the staged snapshot. It imports next to nothing: its time is
paid by every run, and a module that it had loaded would hide a file of the user's of that name (`json.py`).
stdout and stderr are files that the node tails; it sets PYTHONUNBUFFERED, so that a print is seen at once.

`<python of the build> bootstrap.py warm:<fd>:<fd>:...` is a warm parent (`warm.py`): it serves, and goes on from here
in each of its forks, with an attempt's folder in the place of that argument. So both ways have the same frames.
"""

from __future__ import annotations

import _json  # the C half of json: the whole costs 8 ms
import atexit
import os
import resource
import sys

del sys.modules["resource"]  # as said above

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Callable, Dict, List, NoReturn, Optional

TEXT_LIMIT = 100_000
"""Characters kept of a message and of a stack trace."""

SHORT_TEXT = 400
"""Of a message, when the disk is full: the result then fits what `amlet.runtime.attempt: reserve` took."""


last_act: LastAct


def main(folder: str) -> NoReturn:
    """Run the job of an attempt's folder and end this process with its exit code."""
    ending = Ending(folder)
    job = _read_job(os.path.join(folder, "job.json"))  # noqa: PTH118
    for name in ("outputs", "logs"):
        try:
            os.makedirs(name, exist_ok=True)  # noqa: PTH103
        except OSError as error:
            sys.stderr.write(f"amlet: cannot make the folder ./{name}: {error.strerror}.\n")
    if job["command"] is not None:
        _run_command(job["command"], ending)
    if "AMLET_JOBLIB_LISTEN" in os.environ:
        _beside("joblib_nodes/hook").install()
    _run_script(job["script"], job["arguments"], ending)


class LastAct:
    """What comes after the script's own exit handlers and its threads, ahead of the interpreter's own end.

    That one flushes open files and calls destructors as it always does. A handler that is registered first runs last.
    """

    def __init__(self) -> None:
        self.ending: Optional[Ending] = None
        self.then: List[Callable[[Optional[int]], None]] = []
        """A warm start's, called with the exit code; with None where the interpreter has to end the process."""
        self.by_signal = False

    def __call__(self) -> None:
        code = None
        if self.ending is not None and self.ending.is_ours():
            self.ending.write()
            code = None if self.by_signal else self.ending.exit_code
        for call in self.then:
            call(code)


class Ending:
    """How the job ended, and the file that says so."""

    def __init__(self, folder: str) -> None:
        self.exit_code = 0
        self.exception: Optional[Dict[str, Any]] = None
        self._path = os.path.join(os.path.abspath(folder), "result.json")  # noqa: PTH100, PTH118
        self._pid = os.getpid()

    def is_ours(self) -> bool:
        """Whether this is the job's own process, not a fork of the script's."""
        return os.getpid() == self._pid

    def write(self) -> None:
        """Write it whole or not at all. The machine's end ends the attempt: no fsync."""
        failure = self._try() and self._try(shortly=True)
        if failure:
            sys.stderr.write(f"amlet: cannot write {self._path}: {failure.strerror}.\n")

    def _try(self, *, shortly: bool = False) -> Optional[OSError]:
        """Write over the space that the node took before the script began: a full disk has room for a short result."""
        exception = self.exception
        if shortly and exception is not None:
            exception = {**exception, "message": exception["message"][:SHORT_TEXT], "stack_trace": None}
        content = _json_text({"exit_code": self.exit_code, "exception": exception, "usage": _usage()}).encode("ascii")
        try:
            handle = os.open(self._path + ".part", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.write(handle, content) != len(content):
                    raise OSError(28, "No space left on device")
                os.ftruncate(handle, len(content))
            finally:
                os.close(handle)
            os.replace(self._path + ".part", self._path)  # noqa: PTH105
        except OSError as error:
            return error
        return None


def _run_script(script: str, arguments: List[str], ending: Ending) -> NoReturn:
    last_act.ending = ending
    folder = os.getcwd()  # noqa: PTH109
    path = script if sys.version_info < (3, 9) else os.path.join(folder, script)  # noqa: PTH118
    sys.argv = [script, *arguments]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = [*sys.orig_argv[:-2], *sys.argv]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(script))  # noqa: PTH120
    try:
        with open(script, "rb") as file:  # noqa: PTH123
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}\n")
        ending.exit_code = 2
        ending.exception = {"type": type(error).__name__, "message": str(error), "stack_trace": None, "line": None}
        sys.exit(2)
    module = _fresh_main(path)
    failure: Optional[BaseException] = None
    leave: Any = None
    try:
        exec(compile(source, path, "exec", dont_inherit=True), module)  # noqa: S102 - what this program is for
    except SystemExit as error:
        leave = error.code
        ending.exit_code = _exit_code(leave)
        if not (leave is None or isinstance(leave, int)):
            line = _line(_own_frames_off(error), folder)
            message = _text_of(leave)
            ending.exception = {"type": "SystemExit", "message": message, "stack_trace": None, "line": line}
    except BaseException as error:  # noqa: BLE001 - handled below, where sys.exc_info() is empty as in a cold start
        failure = error
    if failure is None:
        sys.exit(leave)  # a text is printed by the interpreter itself
    traceback = failure.__traceback__ = _own_frames_off(failure)
    ending.exit_code = 130 if isinstance(failure, KeyboardInterrupt) else 1
    stack_trace, left = _report(failure, traceback)
    if left is not None:
        ending.exit_code = _exit_code(left.code)
        sys.exit(left.code)
    ending.exception = {
        "type": type(failure).__name__,
        "message": _text_of(failure),
        "stack_trace": stack_trace[-TEXT_LIMIT:],
        "line": _syntax_line(failure, folder) or _line(traceback, folder),
    }
    if isinstance(failure, KeyboardInterrupt):
        # The interpreter ends itself by SIGINT when this reaches it; it has been printed already.
        last_act.by_signal = True
        sys.excepthook = lambda *_: None
        raise failure
    sys.exit(1)


def _fresh_main(path: str) -> Dict[str, Any]:
    """A `__main__` such as the interpreter makes for `python script.py`."""
    fresh = main_module = type(sys)("__main__")
    if sys.modules["__main__"].__dict__ is not globals():
        main_module = sys.modules["__main__"]  # a warm start's: modules may hold it that were imported before
        main_module.__dict__.clear()
        main_module.__dict__.update(fresh.__dict__)
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader("__main__", path)
    names: Dict[str, Any] = {"__loader__": loader, "__builtins__": sys.modules["builtins"], "__file__": path}
    if sys.version_info < (3, 15):
        names["__cached__"] = None
    if sys.version_info < (3, 14):
        names["__annotations__"] = {}
    main_module.__dict__.update(names)
    sys.modules["__main__"] = main_module
    return main_module.__dict__


def _report(failure: BaseException, traceback: Optional[TracebackType]) -> tuple[str, Optional[SystemExit]]:
    """Tell an uncaught exception as the interpreter does.

    Returns:
        The text of its traceback, and the SystemExit that the script's own hook raised, if it did.
    """
    shown = (type(failure), failure, traceback)
    sys.last_type, sys.last_value, sys.last_traceback = shown
    if sys.version_info >= (3, 12):
        sys.last_exc = failure
    if sys.excepthook is sys.__excepthook__:
        return _printed(sys.stderr, shown), None
    text = _printed(None, shown)
    try:
        sys.excepthook(*shown)
    except SystemExit as error:
        return text, error
    except BaseException as error:  # noqa: BLE001 - the interpreter tells both
        sys.stderr.write("Error in sys.excepthook:\n")
        error.__traceback__ = _own_frames_off(error)
        sys.__excepthook__(type(error), error, error.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(*shown)
    return text, None


def _printed(stream: Any, shown: Any) -> str:
    """The interpreter's own text for an exception, also sent to a stream; the module traceback costs 10 ms."""
    held, sys.stderr = sys.stderr, _Tee(stream)
    try:
        sys.__excepthook__(*shown)
        return "".join(sys.stderr.parts)
    finally:
        sys.stderr = held


class _Tee:
    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.parts: List[str] = []

    def write(self, text: str) -> int:
        self.parts.append(text)
        if self.stream is not None:
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self.stream is not None:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _own_frames_off(error: BaseException) -> Optional[TracebackType]:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename == __file__:
        traceback = traceback.tb_next
    return traceback


def _line(traceback: Optional[TracebackType], folder: str) -> Optional[str]:
    """The innermost line of the user's own sources."""
    found = None
    while traceback is not None:
        place = _place(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno, folder)
        found, traceback = place or found, traceback.tb_next
    return found


def _syntax_line(failure: BaseException, folder: str) -> Optional[str]:
    if isinstance(failure, SyntaxError) and isinstance(failure.filename, str):
        return _place(failure.filename, failure.lineno, folder)
    return None


def _place(filename: str, number: Optional[int], folder: str) -> Optional[str]:
    path = os.path.normpath(os.path.join(folder, filename))  # noqa: PTH118
    if filename.startswith("<") or not path.startswith(folder + os.sep) or f"{os.sep}site-packages{os.sep}" in path:
        return None
    return f"{path[len(folder) + 1 :]}:{number}"


def _exit_code(code: Any) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    return 1


def _text_of(value: Any) -> str:
    try:
        return str(value)[:TEXT_LIMIT]
    except Exception:  # noqa: BLE001 - a __str__ of the user's
        return f"<unprintable {type(value).__name__} object>"


def _run_command(command: str, ending: Ending) -> NoReturn:
    import signal
    import subprocess

    # A cancel reaches the whole group: the shell decides how it ends, and this process tells it.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    code = subprocess.call(["/bin/sh", "-c", command])  # the user's own line, as v1 runs it
    ending.exit_code = code if code >= 0 else 128 - code
    ending.write()
    sys.exit(ending.exit_code)


def _usage() -> Dict[str, Any]:
    times = os.times()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {
        "max_rss_bytes": max(_peak_bytes(), ended),
        "user_s": times.user + times.children_user,
        "system_s": times.system + times.children_system,
    }


def _peak_bytes() -> int:
    # Not getrusage: its figure for this process includes what the node had before it started us.
    try:
        with open("/proc/self/status", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class _Json:
    """How `_json` is to read: as json.loads does."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None
    memo: Dict[str, str] = {}


def _read_job(path: str) -> Dict[str, Any]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        job: Dict[str, Any] = _json_value(file.read())
    return job


def _json_value(text: str) -> Any:
    scanner: Any = _json.make_scanner
    return scanner(_Json)(text, 0)[0]


def _json_text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _json.encode_basestring_ascii(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json_text(key)}: {_json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json_text, value)) + "]"
    return repr(value)


def _beside(name: str) -> Any:
    """A module of this folder that no one can find by its name: a script's own file of that name stays what it is."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")  # noqa: PTH100, PTH118, PTH120
    found = type(sys)(name)
    found.__file__ = path
    exec(sys.modules["_frozen_importlib_external"].SourceFileLoader(name, path).get_code(name), found.__dict__)  # noqa: S102
    return found


if __name__ == "__main__":
    last_act = LastAct()
    atexit.register(last_act)
    if sys.argv[1].startswith("warm:"):
        _beside("warm").serve(_beside("afresh"), _json_value, _json_text, last_act.then)
    main(sys.argv[1])
