"""What a service counts, for Prometheus and for whoever scales it; every process of the service can tell the sum."""

from __future__ import annotations

import contextlib
import json
import resource
import time
from bisect import bisect_left
from pathlib import Path
from typing import Any, Dict, List, Sequence

from amlet.domain.service import BATCH_SIZES, LATENCY_S, ReplicaLoad
from amlet.runtime.attempt import write_json

STALE_S = 5.0
"""A process that has not written for so long waits for nothing any more; what it counted stays counted."""


class Histogram:
    """Counts by upper bound; a value equal to a bound belongs to it."""

    def __init__(self, bounds: Any) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """The counts of one process, and the sum over those that share its folder. Used on the loop's thread."""

    def __init__(self, folder: Path, name: str) -> None:
        """`name` is this process's alone in the folder."""
        self._folder = folder
        self._path = folder / f"{name}.json"
        self.statuses: Dict[str, int] = {}
        self.latency = Histogram(LATENCY_S)
        self.batches = Histogram(BATCH_SIZES)
        self.busy_s = 0.0
        self.waiting = 0
        """Requests that wait for their turn, now."""
        self.working = 0
        """Requests that are worked on, now."""
        self.stuck = False
        """Every turn is held by a call that is past its timeout."""

    def answered(self, status: int, elapsed_s: float) -> None:
        """A request for a prediction got its answer."""
        key = str(status)
        self.statuses[key] = self.statuses.get(key, 0) + 1
        self.latency.add(elapsed_s)

    def called(self, rows: int, elapsed_s: float) -> None:
        """The model or the script was called once."""
        self.batches.add(rows)
        self.busy_s += elapsed_s

    def write(self) -> None:
        """Leave the counts for the other processes and the node."""
        with contextlib.suppress(OSError):
            write_json(self._path, self._own())

    def text(self) -> bytes:
        """The sum in Prometheus' text format."""
        found = [self._own(), *_read(self._folder, skip=self._path.name)]
        lines = ["# HELP amlet_requests_total Requests for predictions, by the status of their answer."]
        lines.append("# TYPE amlet_requests_total counter")
        statuses: Dict[str, int] = {}
        for one in found:
            for status, number in one["statuses"].items():
                statuses[status] = statuses.get(status, 0) + number
        lines += [f'amlet_requests_total{{code="{status}"}} {statuses[status]}' for status in sorted(statuses)]
        errors = sum(number for status, number in statuses.items() if status >= "500")
        lines += _single("amlet_errors_total", "counter", "Answers of 500 and above.", errors)
        lines += _histogram(
            "amlet_request_duration_seconds", "From a whole request to its answer.", LATENCY_S, found, "latency"
        )
        lines += _histogram("amlet_batch_rows", "Rows in one call of the model.", BATCH_SIZES, found, "batches")
        lines += _single(
            "amlet_requests_waiting", "gauge", "Requests that wait for their turn.", _now(found, "waiting")
        )
        lines += _single("amlet_requests_working", "gauge", "Requests that are worked on.", _now(found, "working"))
        busy_s = sum(one["busy_s"] for one in found)
        lines += _single("amlet_busy_seconds_total", "counter", "Time in the model or the script.", round(busy_s, 6))
        cpu_s = sum(one["cpu_s"] for one in found)
        lines += _single("amlet_cpu_seconds_total", "counter", "Processor time of the processes.", round(cpu_s, 3))
        peak = sum(one["peak_bytes"] for one in found)
        lines += _single("amlet_peak_memory_bytes", "gauge", "The most memory that each process held, summed.", peak)
        return ("\n".join(lines) + "\n").encode("ascii")

    def _own(self) -> Dict[str, Any]:
        return {
            "statuses": self.statuses,
            "latency": [self.latency.counts, self.latency.total],
            "batches": [self.batches.counts, self.batches.total],
            "busy_s": self.busy_s,
            "waiting": self.waiting,
            "working": self.working,
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "cpu_s": time.process_time(),
            "stuck": self.stuck,
            "at_s": time.time(),
        }


def summed(texts: Sequence[bytes]) -> bytes:
    """Several texts of `Metrics.text` as one: values of one name added up, in the order of the first that has it."""
    values: Dict[bytes, float] = {}
    told: Dict[bytes, None] = {}
    for line in [line for text in texts for line in text.splitlines()]:
        name, _, value = line.rpartition(b" ")
        told[line if line.startswith(b"#") else name] = None
        if not line.startswith(b"#"):
            values[name] = values.get(name, 0) + float(value)
    lines = [b"%s %s" % (line, _number(values[line])) if line in values else line for line in told]
    return b"\n".join(lines) + b"\n"


def _number(value: float) -> bytes:
    return b"%d" % value if value == int(value) else b"%.9g" % value


def load_of(folder: Path) -> ReplicaLoad:
    """What the processes that count in a folder did."""
    found = _read(folder)
    counts = [(status, number) for one in found for status, number in one["statuses"].items()]
    return ReplicaLoad(
        sum(number for _, number in counts),
        sum(number for status, number in counts if status >= "500"),
        round(sum(one["busy_s"] for one in found), 3),
        _now(found, "waiting"),
        _now(found, "working"),
        [sum(column) for column in zip(*(one["latency"][0] for one in found))],
        [sum(column) for column in zip(*(one["batches"][0] for one in found))],
    )


def _read(folder: Path, skip: str = "") -> List[Dict[str, Any]]:
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("*.json")):
            if path.name != skip:
                with contextlib.suppress(OSError, ValueError):
                    found.append(json.loads(path.read_bytes()))
    return found


def _now(found: List[Dict[str, Any]], what: str) -> int:
    return sum(one[what] for one in found if time.time() - one["at_s"] < STALE_S)


def _single(name: str, kind: str, told: str, value: float) -> List[str]:
    return [f"# HELP {name} {told}", f"# TYPE {name} {kind}", f"{name} {value}"]


def _histogram(name: str, told: str, bounds: Any, found: List[Dict[str, Any]], key: str) -> List[str]:
    lines = [f"# HELP {name} {told}", f"# TYPE {name} histogram"]
    counted = 0
    for number, bound in enumerate((*bounds, None)):
        counted += sum(one[key][0][number] for one in found)
        lines.append(f'{name}_bucket{{le="{"+Inf" if bound is None else f"{bound:g}"}"}} {counted}')
    total = sum(one[key][1] for one in found)
    return [*lines, f"{name}_sum {round(total, 6)}", f"{name}_count {counted}"]
