"""`python -m benchmarks [NAME...]`: measure all or some, one JSON line a figure; 1 when a bar is missed."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator

from benchmarks import (
    command_line,
    data,
    datasets,
    deploying,
    draining,
    environments,
    imports,
    interactive_runs,
    logging_kinds,
    logging_values,
    one_run,
    queue,
    scale,
    searching,
    server_process,
    serving,
    snapshots,
    spread,
    sweep_sampling,
    sweeping,
    trackers,
    warm_starts,
)
from benchmarks.measure import Figure, Told
from benchmarks.place import Place, Skipped

Measure = Callable[[Place], Iterator[Figure | Told | Skipped]]

ALL: dict[str, Measure] = {
    "log": logging_values.figures,
    "kinds": logging_kinds.figures,
    "trackers": trackers.figures,
    "drain": draining.figures,
    "interactive": interactive_runs.figures,
    "search": searching.figures,
    "import": imports.figures,
    "cli": command_line.figures,
    "server": server_process.figures,
    "hello": one_run.figures,
    "snapshot": snapshots.figures,
    "data": data.figures,
    "datasets": datasets.figures,
    "deploy": deploying.figures,
    "serving": serving.figures,
    "environments": environments.figures,
    "queue": queue.figures,
    "spread": spread.figures,
    "warm": warm_starts.figures,
    "sweep": sweeping.figures,
    "sampling": sweep_sampling.figures,
    "scale": scale.figures,
}


def main(names: list[str]) -> int:
    """Measure, print, and tell by the exit code whether every bar holds."""
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(ALL)}.", file=sys.stderr)
        return 2
    for variable in [key for key in os.environ if key.startswith(("AMLET_", "AZUREML_"))]:
        del os.environ[variable]
    # The server and its jobs are children of this process.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    good = True
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr), Place() as place:  # what the SDK prints is no line of ours
        os.environ["AMLET_HOME"] = str(place.home.root)
        for name in names or ALL:
            for found in ALL[name](place):
                if isinstance(found, Skipped):
                    print(json.dumps({"name": name, "skipped": str(found)}), flush=True, file=out)
                else:
                    good = good and found.ok
                    print(json.dumps(found.line()), flush=True, file=out)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
