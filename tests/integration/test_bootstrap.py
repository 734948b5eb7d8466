"""The bootstrap against `python script.py`: the script cannot tell, and the result says what happened."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from amlet.runtime.attempt import JobFile, Result
from amlet.runtime.journal import read_file

SDK = Path(__file__).resolve().parents[2] / "src"
BOOTSTRAP = SDK / "amlet" / "runtime" / "bootstrap.py"


def _pythons() -> list[str]:
    """This Python, and the oldest and newest that can be found: the script's view differs between them."""
    found = {f"3.{minor}": shutil.which(f"python3.{minor}") for minor in (8, 13)}
    for root in (Path.home() / ".pyenv" / "versions",):
        for minor in (8, 13):
            for python in sorted(root.glob(f"3.{minor}.*/bin/python")):
                found[f"3.{minor}"] = str(python)
    return [sys.executable, *(path for path in found.values() if path)]


PYTHONS = _pythons()


class Ended(NamedTuple):
    code: int
    out: str
    err: str
    result: Result | None
    folder: Path


class Place:
    """A staged snapshot beside an attempt's folder, both with names that hurt."""

    def __init__(self, root: Path) -> None:
        self.cwd = root / "snap shot 'é"
        self.attempt = root / 'attempt "1'
        self.cwd.mkdir(parents=True)
        self.attempt.mkdir()

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
        return {**kept, "PYTHONPATH": str(SDK), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}

    def write(self, source: str, name: str = "train.py") -> None:
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")

    def start(self, job: JobFile, python: str = sys.executable) -> subprocess.Popen[str]:
        job.write(self.attempt)
        return self._popen([python, str(BOOTSTRAP), str(self.attempt)])

    def run(self, source: str, *arguments: str, python: str = sys.executable, name: str = "train.py") -> Ended:
        self.write(source, name)
        return self.ended(self.start(JobFile(name, list(arguments)), python))

    def ended(self, process: subprocess.Popen[str]) -> Ended:
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err, Result.read(self.attempt), self.cwd)

    def cold(self, *arguments: str, python: str = sys.executable, name: str = "train.py") -> Ended:
        out, err = (process := self._popen([python, name, *arguments])).communicate(timeout=60)
        return Ended(process.returncode, out, err, None, self.cwd)

    def both(self, source: str, *arguments: str, python: str = sys.executable, name: str = "train.py") -> Ended:
        """Run it both ways and require equal output and exit code."""
        started = self.run(source, *arguments, python=python, name=name)
        cold = self.cold(*arguments, python=python, name=name)
        assert (started.code, started.out, _depth_off(started.err)) == (cold.code, cold.out, _depth_off(cold.err))
        return started

    def _popen(self, argv: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            argv,
            cwd=self.cwd,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


LOOK_AROUND = """
import sys, os
main = sys.modules["__main__"]
print(sorted(globals()), sorted(vars(main)) == sorted(globals()))
print(repr(__doc__), __file__, __name__, __package__, __spec__, globals().get("__cached__"))
print(type(__builtins__).__name__, __import__("__main__").__dict__ is globals())
print(type(__loader__).__name__, __loader__.name, __loader__.path, __loader__.get_source("__main__")[:8])
print(sys.argv, sys.path, os.getcwd(), getattr(sys, "orig_argv", [])[1:], __import__("__main__") is main)
print(sys.excepthook is sys.__excepthook__, [name for name in sys.modules if "bootstrap" in name or "amlet" in name])
print(sys.flags, sys.getrecursionlimit(), os.path.exists(__file__))
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_a_script_sees_what_it_sees_in_a_cold_python(place: Place, python: str) -> None:
    ended = place.both(LOOK_AROUND, "--kernel", "linear ' é", "", python=python, name="./sub dir/train.py")
    assert ended.result is not None
    assert ended.result.exit_code == 0
    assert ended.result.exception is None


def test_the_only_modules_that_stay_are_those_the_bootstrap_could_not_do_without(place: Place) -> None:
    source = "import sys\nprint(sorted(sys.modules))"
    started, cold = place.run(source), place.cold()
    assert set(eval(started.out)) - set(eval(cold.out)) <= {"__future__", "_json", "atexit"}


def test_a_module_of_the_users_hides_the_librarys_of_the_same_name(place: Place) -> None:
    for name in ("json", "resource", "traceback", "random", "journal"):
        place.write(f"HERE = {name!r}", f"{name}.py")
    ended = place.both("import json, resource, random, journal\nprint(json.HERE, resource.HERE)\nraise SystemExit(0)")
    assert ended.result is not None


FAILURES = {
    "plain": "def f(x):\n    return 1 / x\n\nf(0)\n",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('é\\ud800') from e\n",
    "library": "import json\njson.loads('{')\n",
    "syntax": "x = 1\ndef f(:\n    pass\n",
    "module": "import broken\n",
    "recursion": "def f():\n    f()\nf()\n",
    "own hook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__, sys.exc_info())\n1/0\n",
    "bad hook": "import sys\ndef hook(*a):\n    raise TypeError('bad')\nsys.excepthook = hook\n1/0\n",
    "unprintable": "class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E()\n",
    "exit none": "import sys; sys.exit()",
    "exit int": "import sys; sys.exit(300)",
    "exit negative": "import sys; sys.exit(-1)",
    "exit bool": "import sys; sys.exit(True)",
    "exit text": "import sys; sys.exit('no data: é')",
    "interrupt": "raise KeyboardInterrupt",
}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_prints_and_exits_as_in_a_cold_python(place: Place, case: str, python: str) -> None:
    place.write("x = (\n", "broken.py")
    ended = place.both(FAILURES[case], python=python)
    assert ended.result is not None
    # A shell's view of an end by SIGINT.
    assert ended.result.exit_code == (130 if ended.code == -signal.SIGINT else ended.code)


def test_an_exception_is_told_with_its_own_line(place: Place) -> None:
    place.write("def load():\n    import json\n    return json.loads('{')\n", "parts/data.py")
    ended = place.run("from parts import data\n\ndata.load()\n")
    assert ended.result is not None and ended.result.exception is not None
    told = ended.result.exception
    assert (told.type, told.line) == ("JSONDecodeError", "parts/data.py:3")
    assert told.message.startswith("Expecting property name")
    assert told.stack_trace == ended.err
    assert "bootstrap" not in ended.err
    assert "    data.load()\n" in ended.err


def test_a_syntax_error_is_told_with_its_line(place: Place) -> None:
    result = place.run(FAILURES["syntax"]).result
    assert result is not None and result.exception is not None
    assert (result.exception.type, result.exception.line) == ("SyntaxError", "train.py:2")


def test_a_text_given_to_exit_is_told(place: Place) -> None:
    result = place.run("import sys\nsys.exit('no data')").result
    assert result is not None and result.exception is not None
    assert result.exception[:2] == ("SystemExit", "no data")
    assert result.exception.line == "train.py:2"


@pytest.mark.parametrize("python", PYTHONS)
def test_threads_exit_handlers_and_open_files_end_as_they_always_do(place: Place, python: str) -> None:
    source = """
import atexit, threading, os, sys
held = open("held.txt", "w")
held.write("flushed by the interpreter's end")
class Last:
    def __del__(self):
        print("destructor")
last = Last()
attempt = sys.argv[1]
seen = lambda: os.path.exists(os.path.join(attempt, "result.json"))
atexit.register(lambda: print("handler", seen()))
go = threading.Event()
threading.Thread(target=lambda: (go.wait(), print("thread", seen()))).start()
threading.Timer(0.05, go.set).start()
print("main")
"""
    ended = place.both(source, str(place.attempt / "elsewhere"), python=python)
    assert ended.out.split() == ["main", "thread", "False", "handler", "False", "destructor"]
    assert (ended.folder / "held.txt").read_text() == "flushed by the interpreter's end"
    ended = place.run(source, str(place.attempt), python=python)
    assert "handler True" in ended.out  # of the run before; the file is replaced, never taken away


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_finds_the_scripts_functions_and_classes(place: Place, method: str, python: str) -> None:
    source = """
import multiprocessing, pickle, sys
class Point:
    def __init__(self, x): self.x = x
def double(point): return Point(point.x * 2)
if __name__ == "__main__":
    print(pickle.loads(pickle.dumps(Point(1))).x, Point.__module__)
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print([point.x for point in pool.map(double, [Point(3)])])
"""
    ended = place.both(source, method, python=python)
    assert ended.out == "1 __main__\n[6]\n"


def test_a_fork_of_the_scripts_writes_no_result(place: Place) -> None:
    source = """
import os, sys
if os.fork() == 0:
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
print(os.path.exists(sys.argv[1] + "/result.json"))
"""
    ended = place.run(source, str(place.attempt))
    assert ended.out == "False\n"
    assert ended.result is not None and ended.result.exit_code == 0


@pytest.mark.parametrize("line", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 15)", "os.abort()"])
def test_an_end_without_goodbye_leaves_no_result(place: Place, line: str) -> None:
    assert place.both(f"import os; {line}").result is None


def test_a_sigint_from_outside_ends_it_as_a_cold_python(place: Place) -> None:
    place.write("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    process = place.start(JobFile("train.py"))
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    ended = place.ended(process)
    assert ended.code == -signal.SIGINT
    assert ended.result is not None and ended.result.exit_code == 130
    assert ended.err.endswith("KeyboardInterrupt\n")


def test_outputs_and_logs_are_there_before_the_script(place: Place) -> None:
    ended = place.run("import os; os.chdir('outputs'); print(sorted(os.listdir('..')))")  # v1-behaviours 3.9
    assert ended.out == "['logs', 'outputs', 'train.py']\n"
    assert ended.result is not None  # though the script went elsewhere


def test_a_script_that_is_not_there_is_told_as_by_python(place: Place) -> None:
    started = place.ended(place.start(JobFile("gone.py")))
    cold = place.cold(name="gone.py")
    assert started.code == cold.code == 2
    assert started.err.partition(": ")[2] == cold.err.partition(": ")[2]
    assert started.result is not None and started.result.exception is not None
    assert started.result.exception.type == "FileNotFoundError"


def test_usage_tells_memory_and_seconds(place: Place) -> None:
    result = place.run("held = bytearray(80_000_000)\nfor _ in range(2_000_000): pass").result
    assert result is not None
    assert 80_000_000 < result.usage.max_rss_bytes < 200_000_000
    assert 0 < result.usage.user_s < 60


def test_a_command_runs_in_a_shell_and_its_end_is_told(place: Place) -> None:
    place.write("x", "a b.txt")
    ended = place.ended(place.start(JobFile(command="ls *.txt && ls -d outputs | cat; exit 3")))  # v1-behaviours 9.6
    assert (ended.code, ended.out) == (3, "a b.txt\noutputs\n")
    assert ended.result is not None and ended.result.exit_code == 3 and ended.result.exception is None


def test_a_command_decides_how_it_ends_when_asked_to(place: Place) -> None:
    command = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done"
    process = place.start(JobFile(command=command))
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.terminate()  # as a cancel does to the whole group
    subprocess.run(["pkill", "-TERM", "-P", str(process.pid)], check=True)
    ended = place.ended(process)
    assert (ended.code, ended.out) == (5, "bye\n")
    assert ended.result is not None and ended.result.exit_code == 5


@pytest.mark.alone
def test_the_start_costs_little_beyond_pythons_own(place: Place) -> None:
    place.write("print('hi')", "hi.py")
    JobFile("hi.py").write(place.attempt)
    started = [_seconds([sys.executable, str(BOOTSTRAP), str(place.attempt)], place) for _ in range(9)]
    cold = [_seconds([sys.executable, "hi.py"], place) for _ in range(9)]
    assert min(started) - min(cold) < 0.03  # about 0.005 on a quiet machine


def _depth_off(text: str) -> str:
    # The bootstrap's own few frames count towards the recursion limit.
    return re.sub(r"line repeated \d+ more times", "line repeated", text)


def _seconds(argv: list[str], place: Place) -> float:
    began = time.perf_counter()
    subprocess.run(argv, cwd=place.cwd, env=place.environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


@pytest.mark.parametrize("python", PYTHONS)
def test_a_journal_outlives_kill_9_and_a_fork_writes_its_own(place: Place, python: str) -> None:
    source = """
import os, sys
from amlet.runtime.journal import Journal
journal = Journal(sys.argv[1], "run_1", 1)
journal.append("who", "scalar", "parent")
if os.fork() == 0:
    os.closerange(3, 64)  # as daemons do
    journal.append("who", "scalar", "child")
    os._exit(0)
os.wait()
journal.append("who", "scalar", "parent again")
os.kill(os.getpid(), 9)
"""
    folder = place.attempt / "journal"
    assert place.run(source, str(folder), python=python).result is None
    held = [[point.value for point in read_file(path)] for path in folder.iterdir()]
    assert sorted(held) == [["child"], ["parent", "parent again"]]
