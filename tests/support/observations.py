"""What a script can see, as scripts: run cold and warm, each must print, leave and end with the same.

Each begins with FIRST, so that there is a warm parent, and one for all of them.
"""

from __future__ import annotations

FIRST = "import sklearn.svm\n"

SAME = {
    "main": """
import sys, os
main = sys.modules["__main__"]
print(sorted(globals()), __name__, __file__, __doc__, __package__, __spec__, globals().get("__cached__"))
print(main.__dict__ is globals(), type(__builtins__).__name__, type(__loader__).__name__, __loader__.path)
print(sys.argv, getattr(sys, "orig_argv", None), sys.path, os.getcwd(), sys.flags, sys.executable, sys.prefix)
print(sys.warnoptions, sys._xoptions, sys.getrecursionlimit(), sys.excepthook is sys.__excepthook__, sys.meta_path)
print(sys.dont_write_bytecode, sys.path_hooks, [path for path in sys.path_importer_cache if "nowhere" in path])
print([name for name in sys.modules if "amlet" in name or "bootstrap" in name or name in ("warm", "afresh")])
import traceback
traceback.print_stack(file=sys.stdout)
""",
    "variables": """
import os, ctypes
print(os.environ)
print(sorted(os.environb.items()) == sorted((os.fsencode(k), os.fsencode(v)) for k, v in os.environ.items()))
import posix
print(posix.environ)
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
print([getenv(name.encode()) == text.encode() for name, text in os.environ.items()])
print(getenv(b"AMLET_WARM_ROOM"), os.getenv("OPENBLAS_THREAD_TIMEOUT"))
""",
    "variables of children": """
import subprocess, sys
print(subprocess.run(["env"], stdout=subprocess.PIPE).stdout.decode())
print(subprocess.run([sys.executable, "-c", "import os; print(os.environ)"], stdout=subprocess.PIPE).stdout.decode())
""",
    "proc": """
import os
print([part for part in open("/proc/self/environ", "rb").read().split(b"\\0") if part])
print(open("/proc/self/cmdline", "rb").read().rstrip(b"\\0").split(b"\\0"))
print(open("/proc/self/comm").read(), os.readlink("/proc/self/exe"), os.readlink("/proc/self/cwd"))
print(os.getsid(0) == os.getpgid(0) == os.getpid(), len(os.listdir("/proc/self/task")) > 0)
for fd in sorted(os.listdir("/proc/self/fd"), key=int):
    try:
        print(fd, os.readlink("/proc/self/fd/" + fd), os.get_inheritable(int(fd)))
    except OSError:
        pass
print(open("data.txt", "w").fileno())
""",
    "streams": """
import os, sys, stat
print(repr(sys.stdin.read()), sys.stdin.encoding, sys.stdout.encoding, sys.stderr.errors, sys.stdin.seekable())
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.isatty(), stream.line_buffering, getattr(stream, "write_through", None), type(stream.buffer).__name__)
    print(stream.seekable(), stat.S_IFMT(os.fstat(stream.fileno()).st_mode), stream.name, stream.mode)
print(os.get_blocking(1), sys.stdout is sys.__stdout__)
sys.stderr.write("to stderr\\n")
os.write(1, b"straight\\n")
""",
    "limits": """
import os, resource, signal
print(oct(os.umask(0o22)), os.nice(0), sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0))
print([resource.getrlimit(number) for number in range(10)])
print([(number, signal.getsignal(number)) for number in range(1, signal.NSIG) if number not in (32, 33)])
print(signal.set_wakeup_fd(-1), signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.sigpending())
print(signal.getitimer(signal.ITIMER_REAL))
""",
    "threads": """
import os, threading, time, contextvars, gc
print(threading.main_thread() is threading.current_thread(), threading.active_count(), threading.main_thread().name)
print(threading.main_thread().native_id == os.getpid(), threading.get_native_id() == os.getpid())
print(threading.get_ident() == threading.main_thread().ident, gc.isenabled(), gc.get_threshold(), gc.get_debug())
done = []
workers = [threading.Thread(target=lambda n=n: done.append(n)) for n in range(4)]
[worker.start() for worker in workers]; [worker.join() for worker in workers]
print(sorted(done), time.process_time() < 60, sum(os.times()[2:4]) == 0.0, len(contextvars.copy_context()))
threading.Thread(target=lambda: (time.sleep(0.2), print("a thread that outlives main"))).start()
""",
    "daemon thread": """
import threading, time
threading.Thread(target=lambda: time.sleep(60), daemon=True).start()
print("left to itself")
""",
    "clock": """
import logging, time
record = logging.makeLogRecord({})
made = logging.LogRecord("n", 10, "p", 1, "m", (), None)
print(made.relativeCreated < 60_000, made.processName, made.threadName, type(logging._startTime).__name__)
""",
    "modules": """
import faulthandler, multiprocessing.process, os, tempfile, warnings, logging
print(faulthandler.is_enabled(), multiprocessing.process.ORIGINAL_DIR == os.getcwd(), tempfile.tempdir)
print(multiprocessing.current_process().name, multiprocessing.parent_process(), multiprocessing.active_children())
print(len(multiprocessing.current_process().authkey), warnings.filters[:3], logging.root.handlers, logging.root.level)
print(multiprocessing.current_process().pid == os.getpid(), multiprocessing.get_start_method())
""",
    "exit handlers": """
import atexit, os, sys, weakref
class Held: pass
held = Held()
weakref.finalize(held, print, "finalizer")
atexit.register(print, "first")
atexit.register(print, "second")
atexit.register(lambda: print("result there:", os.path.exists(os.environ["ATTEMPT"] + "/result.json")))
""",
    "destructors": """
class Last:
    def __del__(self): print("destructor")
last = Last()
""",
    "destructor of a class without a dictionary": """
class Last:
    __slots__ = ()
    def __del__(self): print("destructor")
last = Last()
""",
    "destructor in a module of a package": """
class Last:
    def __del__(self): print("destructor", flush=True)
sklearn.svm.held_by_a_script = Last()
""",
    "weak reference": """
import weakref
class Held: pass
held = Held()
reference = weakref.ref(held, lambda _: print("gone"))
sklearn.svm.other = reference
""",
    "file left open": """
held = open("held.txt", "w")
held.write("flushed by the interpreter's end")
""",
    "file left open in a package": """
sklearn.held_by_a_script = open("held.txt", "w")
sklearn.held_by_a_script.write("flushed by the interpreter's end")
""",
    "generator left open": """
def steps():
    try:
        yield 1
    finally:
        print("closed")
held = steps()
print(next(held))
""",
    "archive left open": """
import zipfile
held = zipfile.ZipFile("held.zip", "w")
held.writestr(zipfile.ZipInfo("a.txt"), "text")
""",
    "database left open": """
import sqlite3
held = sqlite3.connect("held.db")
held.execute("pragma journal_mode=wal")
held.execute("create table t (a)")
held.commit()
""",
    "stdout of its own": """
import sys
sys.stdout = open("mine.txt", "w")
print("kept")
""",
    "frozen by the script": """
import gc
class Last:
    def __del__(self): print("destructor")
last = Last()
gc.freeze()
""",
    "exit handler that ends": "import atexit, os\natexit.register(os._exit, 5)\n",
    "exit handler that raises": "import atexit\natexit.register(lambda: 1 / 0)\n",
    "exit 0": "import sys; sys.exit()",
    "exit 3": "import sys; sys.exit(3)",
    "exit 300": "import sys; sys.exit(300)",
    "exit text": "import sys; sys.exit('no data: é')",
    "exit at once": "import os; print('x'); os._exit(4)",
    "kill": "import os; os.kill(os.getpid(), 9)",
    "terminate": "import os; os.kill(os.getpid(), 15)",
    "abort": "import os; os.abort()",
    "interrupt": "raise KeyboardInterrupt",
    "signal to itself": """
import os, signal, time
os.kill(os.getpid(), signal.SIGINT)
time.sleep(10)
""",
    "exception": "def f(x):\n    return 1 / x\n\nf(0)\n",
    "chained": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('é\\ud800') from e\n",
    "exception of a library": "from sklearn.svm import SVC\nSVC().predict([[1]])\n",
    "syntax": "x = 1\nimport broken\n",
    "own hook": "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__, sys.exc_info())\n1/0\n",
    "recursion": """
import sys
def depth(n):
    try: return depth(n + 1)
    except RecursionError: return n
print(depth(0))
""",
    "segfault": """
import ctypes, faulthandler
faulthandler.enable()
def deep(): ctypes.string_at(0)
deep()
""",
    "pool": """
import multiprocessing, sys
class Point:
    def __init__(self, x): self.x = x
def double(point): return Point(point.x * 2)
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print([point.x for point in pool.map(double, [Point(3)])])
""",
    "loky": """
import joblib
class Point:
    def __init__(self, x): self.x = x
def double(point): return Point(point.x * 2)
print([point.x for point in joblib.Parallel(n_jobs=2)(joblib.delayed(double)(Point(x)) for x in range(4))])
print(joblib.cpu_count(), joblib.effective_n_jobs(-1))
""",
    "grid search": """
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
found = GridSearchCV(sklearn.svm.SVC(), {"C": [0.1, 1, 10]}, n_jobs=2, cv=3).fit(*load_iris(return_X_y=True))
print(found.best_params_, round(found.best_score_, 6))
""",
    "pickle": """
import pickle, subprocess, sys
class Point:
    def __init__(self, x): self.x = x
pickle.dump(Point(1), open("point.pkl", "wb"))
print(pickle.load(open("point.pkl", "rb")).x, Point.__module__, pickle.dumps(Point(2)))
code = "import pickle\\nclass Point: pass\\nprint(pickle.load(open('point.pkl', 'rb')).x)"
print(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE).stdout)
""",
    "openmp": """
import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
import threading
X, y = make_classification(5000, random_state=0)
fit = lambda: print(HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(X, y).score(X, y))
fit()
other = threading.Thread(target=fit)
other.start(); other.join()
""",
    "lightgbm": """
import lightgbm
from sklearn.datasets import make_classification
X, y = make_classification(5000, random_state=0)
model = lightgbm.LGBMClassifier(n_estimators=20, n_jobs=2, verbose=-1).fit(X, y)
print(model.predict_proba(X)[:3].tolist())
""",
    "thread counts": """
import threading, threadpoolctl, scipy.linalg, sklearn.ensemble, os
def tell():
    for part in sorted(threadpoolctl.threadpool_info(), key=str):
        print(part["internal_api"], part["prefix"], part["num_threads"], part.get("threading_layer"))
tell()
other = threading.Thread(target=tell)
other.start(); other.join()
""",
    "blas": """
import numpy as np
a = np.random.RandomState(0).rand(600, 600)
print(np.linalg.svd(a)[1][:5].tolist(), float((a @ a).sum()))
""",
    "warnings": """
import warnings, logging, sys
warnings.warn("once")
def old(): warnings.warn("old", DeprecationWarning, stacklevel=2)
old(); old()
logging.warning("plain")
logging.basicConfig(format="%(levelname)s %(name)s %(processName)s %(filename)s:%(lineno)d %(message)s", level=10)
logging.getLogger("a.b").info("shown")
""",
    "own modules": """
import colorsys, parts.data
print(colorsys.HERE, parts.data.HERE)
""",
    "fork": """
import os, sys
sys.stdout.flush()
child = os.fork()
if child == 0:
    print("child", flush=True)
    sys.exit(7)
print(os.wait()[1] >> 8, os.path.exists(os.environ["ATTEMPT"] + "/result.json"))
""",
    "processes": """
import subprocess, sys
print(subprocess.run(["sh", "-c", "echo $0 $PPID | wc -w; exit 3"], stdout=subprocess.PIPE).returncode)
print(subprocess.check_output([sys.executable, "-c", "import sys; print(sys.path, sys.flags, sys.argv)"]).decode())
""",
    "reload": """
import importlib, json, sys
print(importlib.reload(json) is json, importlib.util.find_spec("sklearn.tree").name)
import inspect
def here(): pass
print(inspect.getsource(here), inspect.getfile(here), [frame.function for frame in inspect.stack()])
""",
    "seeded": """
import random, numpy as np
random.seed(3); np.random.seed(4)
print(random.random(), np.random.rand(), np.random.default_rng(5).random(), np.random.RandomState(6).rand())
print(sorted(np.random.get_state()[1][:3] != 0))
""",
}
"""Scripts whose prints, files and ends must be equal."""

DRAWN = {
    "random": "import random\nprint(random.random(), random.getrandbits(64))",
    "numpy": "import numpy as np\nprint(np.random.rand(), np.random.randn(), np.random.permutation(10**6)[0])",
    "numpy's new generators": "import numpy as np\nprint(np.random.default_rng().random())",
    "scipy": "import scipy.stats\nprint(scipy.stats.norm.rvs())",
    "uuid4": "import uuid\nprint(uuid.uuid4())",
    "uuid1": "import uuid\nprint(uuid.uuid1())",
    "temporary names": "import tempfile\nprint(tempfile.mktemp(), tempfile._get_candidate_names().rng.random())",
    "the key of multiprocessing": "import multiprocessing\nprint(bytes(multiprocessing.current_process().authkey))",
    "secrets": "import secrets, os\nprint(secrets.token_hex(), os.urandom(8))",
    "openssl": "import ssl\nprint(ssl.RAND_bytes(8))",
}
"""Scripts that print what must differ from run to run."""

BESIDE = {
    "queue.py": "HERE = 'mine'\n",
    "colorsys.py": "HERE = 'mine too'\n",
    "parts/__init__.py": "",
    "parts/data.py": "HERE = __file__\n",
    "broken.py": "x = (\n",
}
"""Files beside the scripts of "own modules" and "syntax"."""
