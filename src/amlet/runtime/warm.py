"""A warm parent: imports what a script imports, then forks once a run. Linux alone.

Started by a node as `bootstrap.py warm:<requests>:<answers>:<padding>`, in an empty folder (`nowhere`), in a group of
its own, with the variables of the jobs to come, so far as all of them have them. Requests and answers are lines of
JSON on two pipes. The first request says what to import; the answer is `{"ready": true}`, or `{"refused": why}` and
the end. Then each request starts one run, by a fork in which `serve` returns: `afresh.py` makes a process of it that
looks as if it had just been started. The end of the requests ends the parent at once; runs go on without it.

No module of ours, and no module that we need here and a script might have a file of the same name for, stays in
sys.modules. Nothing that is imported here may run: see `_faults`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C half of signal
import gc
import os
import select
import sys

del sys.modules["select"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Set

REPLAY_LIMIT = 1_000_000
"""Bytes that imports may print: each run's output begins with them."""

LINE_LIMIT = 1000
"""Characters of a reason: an answer is less than the 4096 bytes that a pipe takes in one piece."""

READ_BY_IMPORTS = {"matplotlibrc": "matplotlib", ".numba_config.yaml": "numba"}
"""Files of the working folder that packages read as they are imported."""

HARMLESS_FILES = ("/dev/null", "/dev/urandom", "/dev/random")


class Refused(Exception):
    """Runs of this script cannot be started by a fork; the text says why."""


def serve(afresh: Any, decode: Any, encode: Any, at_end: List[Callable[[Optional[int]], None]]) -> None:
    """Serve until the requests end. Returns in each fork, where sys.argv[1] is then the attempt's folder."""
    requests, answers = (int(part) for part in sys.argv[1].split(":")[1:3])
    os.set_inheritable(requests, False)
    os.set_inheritable(answers, False)
    lines = _Lines(requests)

    parent = os.getpid()

    def answer(**told: Any) -> None:
        try:
            os.write(answers, (encode(told) + "\n").encode("ascii"))
        except OSError:  # the node is gone; the one that comes after it finds its runs by their variables
            if os.getpid() == parent:
                os._exit(0)

    asked = decode(lines.next())
    imports = _Imports(bool(asked["fixed"]))
    try:
        imports.first(asked["statements"])
        imports.learned(asked["learned"])
        parts = _settled(imports, afresh)
    except Refused as why:
        answer(refused=str(why)[:LINE_LIMIT])
        os._exit(0)
    wakeup, waker = os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(wakeup, False)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)  # any handler: without one nothing is written to the pipe
    _signal.set_wakeup_fd(waker)
    answer(ready=True)
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    held: Dict[int, str] = {}
    while True:
        if not lines.held():
            poll.poll()
        try:  # noqa: SIM105 - contextlib would stay in sys.modules
            os.read(wakeup, 4096)
        except BlockingIOError:
            pass
        new = _reap(held, answer)
        if new:
            try:
                imports.learned(new, list(held))
                parts = _settled(imports, afresh)
                _append(imports.notes, new)
                answer(learned=True)
            except Refused as why:
                answer(leaving=str(why)[:LINE_LIMIT])
                os._exit(0)
        if not lines.held() and not lines.comes():
            continue
        request = decode(lines.next())
        if imports.stale():
            answer(request=request["id"], stale=True)
            continue
        try:
            why_not = imports.hidden_by(request["script_folder"], request["cwd"])
        except OSError as error:
            why_not = f"{error.filename}: {error.strerror}"
        if why_not is not None:
            answer(request=request["id"], cold=why_not[:LINE_LIMIT])
            continue
        notes = os.path.join(request["notes"], str(request["id"]))  # noqa: PTH118
        pid = os.fork()
        if pid:
            held[pid] = notes
            continue
        _signal.set_wakeup_fd(-1)
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        os.close(wakeup)
        os.close(waker)
        try:
            started = parts.start(request)
        except BaseException as error:  # noqa: BLE001 - nothing of the script has run: the node starts it cold
            answer(request=request["id"], cold=f"{type(error).__name__}: {error}"[:LINE_LIMIT])
            os._exit(0)
        answer(request=request["id"], pid=os.getpid(), started=started)
        os.close(requests)
        os.close(answers)
        _say(imports.printed)
        at_end.append(imports.noter(notes, afresh.new_modules))
        at_end.append(parts.leave)
        return


def _settled(imports: _Imports, afresh: Any) -> Any:
    gc.unfreeze()
    gc.collect()
    imports.settle()
    parts = afresh.Parts(imports.variables())
    if parts.fault:
        raise Refused(parts.fault)
    gc.freeze()  # what is there stays shared
    return parts


class _Lines:
    """Lines from a pipe; its end ends this process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._held = b""

    def held(self) -> bool:
        """Whether a line has been read already."""
        return b"\n" in self._held

    def comes(self) -> bool:
        """Whether there is something to read, be it the end."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(0))

    def next(self) -> str:
        while b"\n" not in self._held:
            block = os.read(self._fd, 1 << 20)
            if not block:
                os._exit(0)
            self._held += block
        line, _, self._held = self._held.partition(b"\n")
        return line.decode("ascii")


def _reap(held: Dict[int, str], answer: Any) -> List[str]:
    """Tell the ends of runs; the names of modules that they had loaded beyond ours."""
    found: List[str] = []
    while held:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            break
        notes = held.pop(pid, "")
        learned = []
        try:
            with open(notes, encoding="utf-8") as file:  # noqa: PTH123
                learned = file.read().split("\n")
            os.unlink(notes)  # noqa: PTH108
        except (OSError, ValueError):
            pass
        found += learned
        answer(ended=pid, status=status)
    return found


def _append(path: str, names: List[str]) -> None:
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write("\n".join(names) + "\n")


def _say(text: bytes) -> None:
    while text:
        text = text[os.write(1, text) :]


class _Imports:
    """What has been imported, and what has been asked for and was not there."""

    def __init__(self, fixed: bool) -> None:
        self.nowhere = os.getcwd()  # noqa: PTH109
        """Where imports find themselves: what they keep of it is found by its name."""
        self.notes = os.path.join(os.path.dirname(self.nowhere), "learned.txt")  # noqa: PTH118, PTH120
        self.printed = b""
        self._line_of_ours = os.path.join(self.nowhere, "script.py")  # noqa: PTH118
        self._fixed = fixed
        self._files: Dict[str, int] = {}
        self._asked: Set[str] = set()
        self._missing: Set[str] = set()
        self._at_start = set(sys.modules)
        self._held: Set[str] = set()
        self._runs: Set[int] = set()
        self._open = set(_open_files())
        self._variables = dict(os.environ)
        self._sdk = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120
        self._library = os.path.dirname(str(os.__file__)) + os.sep  # noqa: PTH120
        if not getattr(sys.flags, "safe_path", False):
            sys.path[0] = self.nowhere
        main = sys.modules["__main__"] = type(sys)("__main__")  # each fork's script runs in it
        main.__file__ = self._line_of_ours

    def first(self, statements: List[List[str]]) -> None:
        """Run import statements, each given with the top package that it names.

        Raises:
            Refused: there is none of a package, or one did more than to import.
        """
        chosen = [statement for top, statement in statements if self._is_package(top)]
        if not chosen:
            raise Refused("it imports no package that takes time")
        with _Recorder(self._asked):
            for statement in chosen:
                self._import(statement)

    def learned(self, names: List[str], runs: Sequence[int] = ()) -> None:
        """Import what an earlier run of the script has loaded.

        Args:
            runs: children of this process that may be.

        Raises:
            Refused: an import did more than to import; or one printed, though a run need not reach it.
        """
        self._runs = set(runs)
        self._open |= set(_open_files())
        size = os.fstat(1).st_size
        with _Recorder(self._asked):
            for name in names:
                if name not in sys.modules and name.replace(".", "").isidentifier():
                    self._import("import " + name)
        if os.fstat(1).st_size != size:
            raise Refused("what an earlier run had imported prints when it is imported")

    def settle(self) -> None:
        """Make ready to fork.

        Raises:
            Refused: what was imported keeps something that runs must not share.
        """
        self._read_printed()
        for name, module in list(sys.modules.items()):
            # The first is renewed in each run; the second is the run's own.
            if name not in ("multiprocessing.process", "__mp_main__") and name not in self._at_start:
                self._look_into(name, module)
        self._missing = {name for name in self._asked if name not in sys.modules}
        self._held = set(sys.modules)
        if not self._fixed:
            self._files = _times(self._library)
        sys.path_importer_cache.pop(self.nowhere, None)

    def variables(self) -> Dict[str, Optional[str]]:
        """Environment variables that imports have set; None for those that they have removed."""
        names = dict.fromkeys([*self._variables, *os.environ])  # in their order
        return {name: os.environ.get(name) for name in names if os.environ.get(name) != self._variables.get(name)}

    def stale(self) -> bool:
        """Whether files that were imported have changed since."""
        return any(_time(path) != then for path, then in self._files.items())

    def hidden_by(self, folder: str, cwd: str) -> Optional[str]:
        """Why a script of a folder would import something else than we did; None when it would not."""
        for name in os.listdir(folder):  # noqa: PTH208
            stem, dot, suffix = name.partition(".")
            if suffix.rpartition(".")[2] in ("egg-info", "dist-info"):
                return f"{name} beside the script may change what packages find"
            if stem not in self._asked:
                continue
            path = os.path.join(folder, name)  # noqa: PTH118
            if dot and suffix.rpartition(".")[2] in ("py", "pyc", "so"):
                return f"{name} beside the script hides a module that its packages ask for"
            if not dot and os.path.isdir(path):  # noqa: PTH112
                whole = any(part.startswith("__init__.") for part in os.listdir(path))  # noqa: PTH208
                if whole or stem in self._missing:
                    return f"the folder {name} beside the script hides a module that its packages ask for"
        for name, package in READ_BY_IMPORTS.items():
            if package in sys.modules and os.path.exists(os.path.join(cwd, name)):  # noqa: PTH110, PTH118
                return f"{package} reads {name} as it is imported"
        return None

    def noter(self, path: str, new_modules: Any) -> Callable[[Optional[int]], None]:
        """What a run does last: it notes which modules it has loaded that we had not."""
        held, roots = self._held, (self._library, self._sdk + os.sep)

        def note(code: Optional[int]) -> None:
            if code is None:
                return
            names = []
            for name, module in new_modules(held).items():
                spec = getattr(module, "__spec__", None)
                origin = getattr(spec, "origin", None)
                if getattr(spec, "name", None) != name or not isinstance(origin, str):
                    continue
                if origin in ("built-in", "frozen") or origin.startswith(roots) or _is_in_site(origin):
                    names.append(name)
            if names:
                try:
                    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                        file.write("\n".join(reversed(names)))
                except OSError:
                    pass

        return note

    def _is_package(self, top: str) -> bool:
        """Whether a name is found in the build's site-packages, or in our own in-job side."""
        spec = None
        for finder in sys.meta_path:
            try:
                spec = finder.find_spec(top, None)
            except Exception:  # noqa: BLE001 - a finder that a package of the build has put there
                return False
            if spec is not None:
                break
        places = [getattr(spec, "origin", None), *(getattr(spec, "submodule_search_locations", None) or ())]
        return any(
            isinstance(place, str) and (_is_in_site(place) or place.startswith(self._sdk + os.sep)) for place in places
        )

    def _import(self, statement: str) -> None:
        before = len(sys.modules)
        # As the script's own line would: a warning that goes to the line that imports is found by its file's name.
        names = {"__name__": "__main__", "__builtins__": sys.modules["builtins"], "__file__": self._line_of_ours}
        try:
            exec(compile(statement, self._line_of_ours, "exec", dont_inherit=True), names)  # noqa: S102
        except ImportError as error:
            # The script meets the same, when it finds what we found: nothing half done, or a module without the name.
            if len(sys.modules) != before and error.name not in sys.modules:
                raise Refused(f"{statement!r} fails: {error}") from None
        except BaseException as error:  # noqa: BLE001 - SystemExit too
            raise Refused(f"{statement!r} fails: {type(error).__name__}: {error}") from None
        fault = self._fault()
        if fault:
            raise Refused(f"{statement!r} {fault}")

    def _fault(self) -> Optional[str]:
        """What imports have done that forks must not share."""
        if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208
            return "starts threads"
        for path in _open_files():
            if path not in self._open and path not in HARMLESS_FILES:
                return f"keeps {path} open"
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:  # noqa: PTH123
            if set(map(int, file.read().split())) - self._runs:
                return "starts processes"
        if not getattr(sys.flags, "safe_path", False) and sys.path[:1] != [self.nowhere]:
            return "changes the beginning of sys.path"
        if os.getcwd() != self.nowhere:  # noqa: PTH109
            return "changes the working folder"
        return None

    def _read_printed(self) -> None:
        with open("/proc/self/fd/1", "rb") as file:  # noqa: PTH123
            self.printed = file.read(REPLAY_LIMIT + 1)
        if len(self.printed) > REPLAY_LIMIT:
            raise Refused(f"its imports print more than {REPLAY_LIMIT} bytes")
        if os.fsencode(self.nowhere) in self.printed:
            raise Refused("what it imports tells about the line that imports it")
        for name in os.listdir(self.nowhere):  # noqa: PTH208
            raise Refused(f"what it imports writes {name} to the working folder")
        with open("/proc/self/maps", "rb") as file:  # noqa: PTH123
            for line in file:
                if b"libcuda.so" in line:
                    raise Refused("what it imports loads CUDA")
                if line.split(None, 2)[1][1:4:2] == b"ws":
                    raise Refused("what it imports maps memory that forks would share")
        if _signal.getsignal(_signal.SIGCHLD) != _signal.SIG_DFL and not self._held:
            raise Refused("what it imports handles SIGCHLD")

    def _look_into(self, name: str, module: Any) -> None:
        """Refuse what has kept the folder in which it was imported: it would be the run's own."""
        for value in list(getattr(module, "__dict__", {}).values()):
            text = value
            if type(value).__module__ in ("pathlib", "pathlib._local"):
                text = str(value)
            if isinstance(text, str) and self.nowhere in text:
                raise Refused(f"{name} keeps the working folder as it is imported")


class _Recorder:
    """Notes the top modules that are asked for and not loaded yet."""

    def __init__(self, asked: Set[str]) -> None:
        self._asked = asked

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:  # noqa: ARG002
        if path is None:
            self._asked.add(name.partition(".")[0])

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)


def _open_files() -> List[str]:
    """Where this process's descriptors lead; the one that lists them has gone when it is asked."""
    found = []
    for fd in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:  # noqa: SIM105 - contextlib would stay in sys.modules
            found.append(os.readlink("/proc/self/fd/" + fd))
        except OSError:
            pass
    return found


def _times(library: str) -> Dict[str, int]:
    """When the files and folders of what was imported were changed."""
    found = {path: _time(path) for path in sys.path}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and (_is_in_site(path) or not path.startswith(library)):
            found[path] = _time(path)
    return found


def _time(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116
    except OSError:
        return 0


def _is_in_site(path: str) -> bool:
    return f"{os.sep}site-packages{os.sep}" in path or f"{os.sep}dist-packages{os.sep}" in path
