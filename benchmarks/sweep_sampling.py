"""Drawing and ruling: what a draw costs, models beside Optuna's own, and the work that early termination saves."""

from __future__ import annotations

import contextlib
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from amlet.base.variables import own_environment
from amlet.domain.sweep import (
    BANDIT,
    GRID,
    HYPERBAND,
    MAXIMIZE,
    MEDIAN_STOPPING,
    QUASI_RANDOM,
    RANDOM,
    TPE,
    Objective,
    Policy,
    Sampling,
    SweepSpec,
)
from amlet.sweeps.by_number import sampler_of
from amlet.sweeps.curves import Curves
from amlet.sweeps.model_based import Known, ModelBased
from amlet.sweeps.policies import rule
from benchmarks.measure import Bar, Figure, interleaved, timed_ms
from benchmarks.place import Place, Skipped
from benchmarks.sweeping import MANY, RANDOM_POINTS, cost, own_cost
from benchmarks.turns import Side, side

DRAWS, MORE_DRAWS = 1_000, 10_000
PAIRS = 2
MIXED = {
    "C": ["loguniform", [-3, 3]],
    "degree": ["quniform", [1, 9, 2]],
    "momentum": ["normal", [0.9, 0.1]],
    "model": [
        "choice",
        [[{"kind": "svm", "gamma": ["uniform", [0, 1]]}, {"kind": "forest", "trees": ["randint", [100]]}]],
    ],
}
CELLS = {"a": ["choice", [list(range(100))]], "b": ["choice", [list(range(200))]]}

SWEEPS, TRIALS, REPORTS = 20, 100, 50
WARM_UPS = 30
POLICIES = {
    "median stopping": Policy(MEDIAN_STOPPING),
    "bandit, slack_factor 0.1 after 5 reports": Policy(BANDIT, 1, 5, slack_factor=0.1),
    "hyperband, rungs from 2 reports": Policy(HYPERBAND, min_resource=2, reduction_factor=3),
}
ACCURACY = Objective("accuracy", MAXIMIZE)

ASK_AND_TELL = f"""
import time, warnings
import optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.simplefilter("ignore")
def measure():
    sampler = optuna.samplers.TPESampler(
        seed=1, n_startup_trials=10, multivariate=True, group=True, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    took, pending = 0.0, []
    for number in range({MANY}):
        began = time.perf_counter()
        trial = study.ask()
        trial.suggest_float("C", 1e-9, 1 - 1e-9)
        trial.suggest_categorical("kernel", [0, 1])
        pending.append((trial, (number * 7919 % {MANY}) / {MANY}))
        if len(pending) == 2:
            study.tell(*pending.pop(0))
        took += time.perf_counter() - began
    return took * 1000 / {MANY}
take_turns(measure)
"""

MEDIAN_PRUNER = f"""
import optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
sweeps = json.load(open(sys.argv[1]))
def course(curves, warm_up):
    pruner = optuna.pruners.MedianPruner(n_warmup_steps=warm_up)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    reports, best = 0, 0.0
    for curve in curves:
        trial = study.ask()
        for step, value in enumerate(curve):
            reports, best = reports + 1, max(best, value)
            trial.report(value, step)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, curve[-1])
    return reports, best
take_turns(lambda: [[course(curves, warm_up) for curves in sweeps] for warm_up in range({WARM_UPS} + 1)])
"""

Curve = Sequence[float]


class Course(NamedTuple):
    """What came of a sweep whose trials were ended early."""

    reports: int
    best: float


def figures(place: Place) -> Iterator[Figure | Skipped]:
    """Draws, models, early termination."""
    yield from _draws()
    yield from _swept()
    with contextlib.ExitStack() as stack:
        try:
            yield from _model(stack.enter_context(_optuna(ASK_AND_TELL, place.folder("asked"))))
        except RuntimeError as error:
            yield Skipped(f"Optuna's ask and tell: {error}")
    yield from _saved(place)


def _optuna(text: str, folder: Path, *arguments: Path) -> contextlib.AbstractContextManager[Side]:
    """The Optuna that the model's own child imports: both sides have one version."""
    return side(sys.executable, text, *arguments, folder=folder)


def _draws() -> Iterator[Figure]:
    for name, sampling in (
        ("random", Sampling(RANDOM, MIXED, 1)),
        ("random without replacement", Sampling(RANDOM, CELLS, 1)),
        ("grid", Sampling(GRID, CELLS, 1)),
        ("quasi-random", Sampling(QUASI_RANDOM, MIXED, 1)),
    ):
        many, few = interleaved(lambda: _draw_ms(sampling, MORE_DRAWS), lambda: _draw_ms(sampling, DRAWS))  # noqa: B023
        bar = Bar(ours=5, ratio=1.2)  # ten times the trials: at most twelve times the time
        yield Figure(f"a draw of {MORE_DRAWS:,}, {name}", "ms", many, f"a draw of {DRAWS:,}", few, bar)


def _draw_ms(sampling: Sampling, count: int) -> float:
    def draw() -> None:
        sampler = sampler_of(sampling)
        for number in range(count):
            assert sampler.draw(number) is not None

    return timed_ms(draw) / count


def _swept() -> Iterator[Figure]:
    for name, sampling in (("grid", Sampling(GRID, CELLS, 1)), ("quasi-random", Sampling(QUASI_RANDOM, MIXED, 1))):
        yield own_cost(f"a {name} trial of {MANY:,}", sampling)


def _model(asked: Side) -> Iterator[Figure]:
    sampling = RANDOM_POINTS._replace(method=TPE)
    floor, bar = "Optuna's own ask and tell", Bar(over=3)
    mine, theirs = interleaved(lambda: _asked_ms(sampling), asked, pairs=PAIRS)
    yield Figure(f"a question to TPE of {MANY:,}", "ms", mine, floor, theirs, bar)
    mine, theirs = interleaved(lambda: cost(MANY, sampling).ms, asked, pairs=1, warm=False)
    yield Figure(f"a TPE trial of {MANY:,}", "ms", mine, floor, theirs, bar)


def _asked_ms(sampling: Sampling) -> float:
    """The model's child asked and told, apart from the records; starting it does not count."""
    spec = SweepSpec(sampling, [ACCURACY], MANY, 2)
    with tempfile.TemporaryDirectory(prefix="amlet-sampling-") as folder:
        model = ModelBased(Path(folder), lambda _method: own_environment())
        known: list[Known] = []

        def ask(number: int) -> None:
            known.append(Known(number, model.ask("HD_1", spec, number, known), None, going_on=True))
            if number:
                value = (number * 7_919 % MANY) / MANY
                known[number - 1] = known[number - 1]._replace(values=[value], going_on=False)

        def ask_all() -> None:
            for number in range(1, MANY):
                ask(number)

        try:
            ask(0)
            return timed_ms(ask_all) / (MANY - 1)
        finally:
            model.close()


def _saved(place: Place) -> Iterator[Figure | Skipped]:
    sweeps = [list(_curves(random.Random(seed))) for seed in range(SWEEPS)]
    tops = [max(map(max, curves)) for curves in sweeps]
    folder = place.folder("curves")
    (folder / "curves.json").write_text(json.dumps(sweeps))
    try:
        with _optuna(MEDIAN_PRUNER, folder, folder / "curves.json") as pruned:
            theirs = [[Course(*told) for told in courses] for courses in pruned()]
    except RuntimeError as error:
        yield Skipped(f"Optuna's median pruner: {error}")
        return
    for name, policy in POLICIES.items():
        mine = [_course(curves, policy) for curves in sweeps]
        good = _goodness(mine, tops)
        warm_up = next((count for count, found in enumerate(theirs) if _goodness(found, tops) >= good), None)
        if warm_up is None:
            yield Skipped(f"Optuna's median pruner: no warm-up finds as good a best as {name}, {good:.5f}")
        else:
            who = f"Optuna's median pruner, warm-up {warm_up}"
            yield _work(f"reports made, {name}", mine, who, theirs[warm_up], tops, Bar(ratio=1))
    mine = [_course(curves, POLICIES["median stopping"]) for curves in sweeps]
    who = "Optuna's median pruner, its defaults"
    yield _work("reports made, median stopping", mine, who, theirs[0], tops, Bar())


def _work(
    name: str, mine: Sequence[Course], who: str, theirs: Sequence[Course], tops: Sequence[float], bar: Bar
) -> Figure:
    def shares(found: Sequence[Course]) -> list[float]:
        return [course.reports / (TRIALS * REPORTS) for course in found]

    note = f"the best is {_goodness(mine, tops):.5f} of the best there is, theirs {_goodness(theirs, tops):.5f}"
    return Figure(name, "of all", shares(mine), who, shares(theirs), bar, is_peer=True, note=note)


def _goodness(found: Sequence[Course], tops: Sequence[float]) -> float:
    """How good the best is on the average; 1 when it is always the best of all curves."""
    return statistics.mean(course.best / top for course, top in zip(found, tops, strict=True))


def _curves(chance: random.Random) -> Iterator[Curve]:
    """Power laws with noise: how good, how far off at first, how fast. Some begin slowly and end well."""
    for _ in range(TRIALS):
        top = 0.5 + 0.45 * chance.betavariate(2, 1.5)
        off, speed = chance.uniform(0.2, 0.45), 10 ** chance.uniform(-1.3, 0.3)
        yield [top - off / (1 + speed * report) + chance.gauss(0, 0.004) for report in range(REPORTS)]


def _course(curves: Sequence[Curve], policy: Policy) -> Course:
    """One trial after the other, each until it is ended."""
    held, reports, best = Curves(ACCURACY), 0, 0.0
    for number, curve in enumerate(curves):
        for value in curve:
            reports, best = reports + 1, max(best, value)
            ruling = rule(policy, ACCURACY, held, number, held.add(str(number), value))
            if ruling is not None and ruling.ends:
                break
    return Course(reports, best)
