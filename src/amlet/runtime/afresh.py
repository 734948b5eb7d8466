"""Makes of a warm parent's fork a process that looks as if it had just been started, and ends it without detours.

A script must not be able to tell. What a cold start has of its own is made anew here: session, output, folder,
variables (also those that /proc shows), random numbers, thread counts of libraries that read them as they are loaded.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple

DRAWN = 1 << 96
"""Seeds at and above this were drawn from the system; those that people write are smaller."""

QUIET_EXTENSIONS = frozenset(
    [
        "bottleneck",
        "contourpy",
        "joblib",
        "kiwisolver",
        "markupsafe",
        "matplotlib",
        "numpy",
        "pandas",
        "PIL",
        "psutil",
        "scipy",
        "sklearn",
        "statsmodels",
        "yaml",
        "_yaml",
        "_cyutility",
        "_csparsetools",
        "_moduleTNC",
        "_ni_label",
    ]
)
"""Packages with compiled modules of which it is known that nothing of theirs waits for the interpreter's end."""

LOUD_LIBRARY = ("_sqlite3", "_dbm", "_gdbm", "_tkinter", "_curses", "readline")
"""Compiled modules of the standard library whose objects may write when they go, unseen by the collector."""

MANY_BLOCKS = 500_000
"""A script that holds so many objects more than its parent has the time for the interpreter's own end."""


class Parts:
    """What to make anew, found once by the parent.

    Attributes:
        fault: why forks of this process cannot be told apart; None when they can.
    """

    def __init__(self, set_by_imports: Dict[str, Optional[str]]) -> None:
        self.fault: Optional[str] = None
        self._set_by_imports = set_by_imports
        self._pools: List[int] = []
        self._generators: List[Any] = []
        self._allocated = 0
        self._first: List[None] = []
        self._modules = set(sys.modules)
        self._exit = _symbol(None, "exit")
        self._flush = _symbol(None, "fflush")
        self._count_loads = _loads_counter()
        self._loads = self._count_loads() if self._count_loads else 0
        self._stat = _Stat()
        self._find_pools()
        self._find_generators()
        self._ends_quietly = not _needs_an_end(sys.modules) and not _have_endings(gc.get_objects(), at_start=True)

    def start(self, request: Dict[str, Any]) -> int:
        """Become the process of a run, in a new fork.

        Returns:
            The ticks from boot to the start of this process.

        Raises:
            Exception: it cannot; nothing of the run has been started.
        """
        os.setsid()
        output = os.open(request["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        os.chdir(request["cwd"])
        if request["cores"]:
            os.sched_setaffinity(0, request["cores"])
        arguments, variables = request["arguments"], request["variables"]
        self._stat.check(arguments, variables)
        _set_variables(variables, self._set_by_imports)
        self._stat.show(arguments, variables)
        sys.argv = arguments[1:]
        if hasattr(sys, "orig_argv"):
            sys.orig_argv = list(arguments)
        self._draw()
        _renew_modules()
        self._set_pools(variables)
        self._first = [None]
        self._allocated = sys.getallocatedblocks()
        # Whoever makes this file first decides: a node that has lost its patience starts the run itself.
        os.close(os.open(request["claim"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return _Stat().started

    def leave(self, code: Optional[int]) -> None:
        """End the process, if nobody could see what the interpreter's end would do beyond it; else return.

        To take down some thousand modules costs more than a small training: each page that is touched is copied.
        What remains to be done when no thread runs and no object that is left has a finalizer is C's exit(); and of
        that, when no library was loaded beyond those of which we know that they write nothing then, C's own files.
        The threads and buffers of OpenBLAS, which it would end one by one, go with the process.

        Args:
            code: None where the interpreter has to end the process.
        """
        if code is not None:
            self._leave(code)
        if not self._is_frozen(gc.get_objects()):
            # The interpreter's end flushes files that hang on rings of objects, if the collector sees them.
            gc.unfreeze()

    def _leave(self, code: int) -> None:
        if not self._ends_quietly or self._exit is None or sys.modules["_thread"]._count():
            return
        if sys.getallocatedblocks() - self._allocated > MANY_BLOCKS:
            return
        if _needs_an_end(new_modules(self._modules)):
            return
        if any(_tracks(sys.modules.get(name)) for name in _TRACKERS):
            return
        gc.collect()
        objects = gc.get_objects()
        if self._is_frozen(objects) or _have_endings(objects):
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # noqa: BLE001 - the interpreter meets it again, and tells
            return
        if self._flush and self._count_loads and self._count_loads() == self._loads:
            _call(self._flush, 0)
            os._exit(code)
        _call(self._exit, code)

    def _is_frozen(self, objects: List[Any]) -> bool:
        """Whether the script has frozen what it had: then what we made first is not among the collector's objects."""
        return not any(held is self._first for held in objects)

    def _find_pools(self) -> None:
        """OpenBLAS alone starts its threads as it is loaded: it was told one, and gets its number in the fork."""
        for path in _libraries("openblas"):
            address = None
            for prefix in ("openblas", "scipy_openblas"):
                for suffix in ("", "64_", "_64", "64"):
                    address = address or _symbol(path, f"{prefix}_set_num_threads{suffix}")
            if address is None:
                self.fault = f"{path} does not let its threads be set"
                return
            self._pools.append(address)

    def _set_pools(self, variables: Dict[str, str]) -> None:
        for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
            if variables.get(name, "").isdigit():
                for address in self._pools:
                    _call(address, int(variables[name]))
                return

    def _find_generators(self) -> None:
        """Random numbers of packages, drawn as they were imported: they would be the same in all forks.

        `random` sees to itself, and so does `tempfile`, which looks at the number of the process.
        """
        random, uuid = sys.modules.get("random"), sys.modules.get("uuid")
        legacy = sys.modules.get("numpy.random.mtrand")
        names = getattr(sys.modules.get("tempfile"), "_RandomNameSequence", None)
        plain = getattr(random, "Random", None)
        known = [getattr(random, "_inst", None)]
        numpys: Tuple[Any, ...] = ()
        if legacy is not None:
            generator = getattr(sys.modules["numpy.random"], "Generator", legacy.RandomState)
            numpys = (legacy.RandomState, generator)
        unknown = []
        for held in gc.get_objects():
            kind = type(held)
            if names is not None and kind is names:
                known.append(held.__dict__.get("_rng"))
            elif numpys and isinstance(held, numpys):
                if held is not getattr(legacy, "_rand", None) and _is_drawn(held):
                    self._generators.append(held)
            elif plain is not None and isinstance(held, plain) and not isinstance(held, random.SystemRandom):  # type: ignore[union-attr]
                unknown.append(held)
            elif uuid is not None and kind is uuid.UUID and held.version == 4:
                self.fault = "a package draws a UUID as it is imported"
        if any(all(held is not one for one in known) for held in unknown):
            self.fault = "a package draws random numbers as it is imported"

    def _draw(self) -> None:
        for held in self._generators:
            bits = getattr(held, "_bit_generator", None) or held.bit_generator
            bits.state = type(bits)().state
        legacy = sys.modules.get("numpy.random.mtrand")
        if legacy is not None and _is_drawn(legacy._rand):
            if hasattr(legacy, "set_bit_generator"):
                legacy.set_bit_generator(type(legacy._rand._bit_generator)())
            else:
                legacy._rand.seed()


class _Stat:
    """This process as the kernel tells it: where its arguments and variables lie, and when it was started."""

    def __init__(self) -> None:
        with open("/proc/self/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
        self.started = int(fields[19])
        self._arguments = (int(fields[45]), int(fields[46]))
        self._variables = (int(fields[47]), int(fields[48]))

    def check(self, arguments: List[str], variables: Dict[str, str]) -> None:
        """Raise ValueError when they are longer than those that this process was started with."""
        for what, data, (begin, end) in self._blocks(arguments, variables):
            if len(data) > end - begin:
                raise ValueError(f"its {what} are longer than those of its warm parent")

    def show(self, arguments: List[str], variables: Dict[str, str]) -> None:
        """Make /proc/<pid>/cmdline and environ tell these.

        C's own `environ` no longer points there. Variables that stay lie where they lay, so that a library which has
        kept a pointer goes on to read the same.
        """
        memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
        try:
            for _, data, (begin, end) in self._blocks(arguments, variables):
                os.pwrite(memory, data.ljust(end - begin, b"\0"), begin)
        finally:
            os.close(memory)

    def _blocks(self, arguments: List[str], variables: Dict[str, str]) -> List[Tuple[str, bytes, Tuple[int, int]]]:
        told = b"".join(os.fsencode(part) + b"\0" for part in arguments)
        named = b"".join(os.fsencode(f"{name}={text}") + b"\0" for name, text in variables.items())
        return [("arguments", told, self._arguments), ("variables", named, self._variables)]


def new_modules(known: Set[str]) -> Dict[str, Any]:
    """What was loaded after what is known.

    From the end on, and no further: to look at an object changes its count of references, and so copies its page.
    """
    found: Dict[str, Any] = {}
    for name in reversed(sys.modules):
        if name in known:
            break
        found[name] = sys.modules[name]
    return found


def _set_variables(variables: Dict[str, str], set_by_imports: Dict[str, Optional[str]]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    at_start = sys.modules["posix"].environ
    at_start.clear()
    at_start.update({os.fsencode(name): os.fsencode(text) for name, text in variables.items()})
    for changed, value in set_by_imports.items():
        if value is None:
            os.environ.pop(changed, None)
        else:
            os.environ[changed] = value


def _renew_modules() -> None:
    """What modules of the standard library drew or noted as they were imported."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process._current_process._config["authkey"] = process.AuthenticationString(os.urandom(32))
        process.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]  # noqa: PTH109
    logging, time = sys.modules.get("logging"), sys.modules["time"]
    if logging is not None:
        now = time.time_ns() if isinstance(logging._startTime, int) else time.time()
        logging._startTime = now  # type: ignore[attr-defined]
    threading = sys.modules.get("threading")
    if threading is not None and hasattr(threading.main_thread(), "_set_native_id"):
        threading.main_thread()._set_native_id()


def _is_drawn(generator: Any) -> bool:
    """Whether numpy's generator was seeded by the system, not by a number that someone chose."""
    bits = getattr(generator, "_bit_generator", None)
    if bits is None:
        bits = getattr(generator, "bit_generator", None)
    if bits is None:
        return True  # numpy 1.16, which does not tell
    entropy = getattr(getattr(bits, "_seed_seq", None), "entropy", None)
    return isinstance(entropy, int) and entropy >= DRAWN


def _needs_an_end(modules: Dict[str, Any]) -> bool:
    """Whether compiled modules may have objects that write something when the interpreter takes them down."""
    for name, module in list(modules.items()):
        if name in LOUD_LIBRARY:
            return True
        path = getattr(module, "__file__", None)
        is_a_packages = isinstance(path, str) and path.endswith(".so") and f"{os.sep}lib-dynload{os.sep}" not in path
        if is_a_packages and name.partition(".")[0] not in QUIET_EXTENSIONS:
            return True
    return False


_TRACKERS = ("multiprocessing.resource_tracker", "joblib.externals.loky.backend.resource_tracker")


def _tracks(module: Any) -> bool:
    return getattr(getattr(module, "_resource_tracker", None), "_fd", None) is not None


def _have_endings(objects: List[Any], *, at_start: bool = False) -> bool:
    """Whether any of the objects does something when it goes: flushes a file, calls what a script has defined."""
    kinds = set(map(type, objects))
    loud = {kind for kind in kinds if hasattr(kind, "__del__")}
    if at_start:
        return any(kind.__name__ not in _LOUD_AT_START for kind in loud)
    weak = sys.modules["_weakref"].ref
    watching = tuple(kind for kind in kinds if issubclass(kind, weak))
    classes = any(isinstance(kind, type) and issubclass(kind, type) for kind in kinds)
    if not loud and not watching and not classes:
        return False
    for held in objects:
        kind = type(held)
        if kind in loud and not (getattr(held, "closed", None) is True and kind.__module__ == "_io"):
            return True
        if watching and isinstance(held, watching):
            callback = held.__callback__  # type: ignore[attr-defined]
            # Those of abstract classes are C's, and bear no module.
            if callback is not None and getattr(callback, "__module__", None) not in _QUIET_CALLBACKS:
                return True
        # Objects of a class with empty __slots__ are not known to the collector; their classes are.
        if classes and isinstance(held, type) and "__del__" in held.__dict__:
            return True
    return False


_LOUD_AT_START = frozenset(
    ("TextIOWrapper", "BufferedReader", "BufferedWriter", "FileIO", "BytesIO", "generator", "ResourceTracker")
)
_QUIET_CALLBACKS = frozenset((None, "weakref", "_weakrefset", "_abc", "abc", "functools", "typing"))


def _libraries(part: str) -> List[str]:
    """Paths of loaded libraries whose file's name holds a text."""
    found: List[str] = []
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        for line in file:
            path = line.rstrip("\n").partition("/")[2]
            if part in path.rpartition("/")[2] and "/" + path not in found:
                found.append("/" + path)
    return found


def _symbol(path: Optional[str], name: str) -> Optional[int]:
    """The address of a function in a library that is loaded already; None is C's own."""
    ctypes = _foreign()
    if ctypes is None:
        return None
    try:
        handle = ctypes.dlopen(path, os.RTLD_NOLOAD | os.RTLD_NOW if path else os.RTLD_NOW)
        address: int = ctypes.dlsym(handle, name)
    except OSError:
        return None
    return address


def _loads_counter() -> Optional[Callable[[], int]]:
    """What counts the libraries that this process has ever loaded; None where that cannot be told."""
    ctypes: Any = sys.modules.get("ctypes")
    iterate = _symbol(None, "dl_iterate_phdr")
    if ctypes is None or not iterate:
        return None

    class Info(ctypes.Structure):  # type: ignore[misc] # dl_phdr_info of <link.h>
        _fields_ = [
            ("address", ctypes.c_void_p),
            ("name", ctypes.c_char_p),
            ("headers", ctypes.c_void_p),
            ("count", ctypes.c_uint16),
            ("loads", ctypes.c_ulonglong),
        ]

    class Look(ctypes._CFuncPtr):  # type: ignore[misc] # CFUNCTYPE would keep it where a script sees it
        _flags_ = ctypes._FUNCFLAG_CDECL
        _argtypes_ = [ctypes.POINTER(Info), ctypes.c_size_t, ctypes.c_void_p]
        _restype_ = ctypes.c_int

    class Iterate(ctypes._CFuncPtr):  # type: ignore[misc]
        _flags_ = ctypes._FUNCFLAG_CDECL
        _argtypes_ = [Look, ctypes.c_void_p]
        _restype_ = ctypes.c_int

    found = [0]

    def look(info: Any, size: int, _data: Any) -> int:
        found[0] = info.contents.loads if size >= ctypes.sizeof(Info) else -1
        return 1  # one is enough: each tells of all

    callback, call = Look(look), Iterate(iterate)

    def count() -> int:
        call(callback, None)
        return found[0]

    return count if count() > 0 else None


def _call(address: int, number: int) -> None:
    _foreign().call_function(address, (number,))


_held_foreign: List[Any] = []


def _foreign() -> Any:
    if not _held_foreign:
        loaded = "_ctypes" in sys.modules
        try:
            import _ctypes
        except ImportError:
            return None
        _held_foreign.append(_ctypes)
        if not loaded:
            del sys.modules["_ctypes"]
    return _held_foreign[0]
