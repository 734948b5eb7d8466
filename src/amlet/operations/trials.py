"""Trials: how drawn parameters become a run, and how trials stand."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from amlet.domain import run as runs
from amlet.domain.artifact import Entry, tree_of
from amlet.domain.job import Job, parameters_of
from amlet.domain.run import Run
from amlet.domain.sweep import MINIMIZE, Objective, Standing, SweepSpec, Trial
from amlet.operations.datasets import note_job_data
from amlet.operations.room import is_here
from amlet.operations.submit import Ready, facts_of, let_on, sent_on
from amlet.operations.sweep_step import Step
from amlet.store.base import MetricSummary, SweepRecord, Transaction, TrialOrder

RESUMED = "amlet-resumed"
"""The folder beside the script under which a trial finds the outputs of the one that it goes on with."""

GENERATORS = {"random": "RANDOM", "grid": "GRID", "bayesian": "BayesianOptimization"}
"""v1's names (v1-behaviours 12.3)."""


def facts_of_sweep(spec: SweepSpec, job: Job) -> tuple[dict[str, str | None], dict[str, str]]:
    """The tags and the properties of a sweep's run (v1-behaviours 12.14)."""
    metric = json.dumps({"name": spec.primary.metric, "goal": spec.primary.goal})
    method = spec.sampling.method
    generator = {"name": GENERATORS.get(method, method), "parameter_space": spec.sampling.space}
    platform = {"script": job.script, "target": job.target, "arguments": job.arguments}
    policy = {key: value for key, value in spec.policy._asdict().items() if value is not None and key != "name"}
    told = {
        "generator_config": json.dumps(generator),
        "policy_config": json.dumps({"name": spec.policy.name, "properties": policy}),
        "primary_metric_config": metric,
        "max_total_jobs": str(spec.max_total_runs),
        "max_concurrent_jobs": str(spec.max_concurrent_runs),
        "max_duration_minutes": str(spec.max_duration_s // 60),
        "platform_config": json.dumps(platform),
    }
    told = {key: text if len(text) <= 1000 else text[:999] + "…" for key, text in told.items()}
    tags: dict[str, str | None] = {**told, **{f"_aml_system_{key}": text for key, text in told.items()}}
    properties = {
        "primary_metric_config": metric,
        "resume_from": json.dumps(spec.resume_from or None),
        "runTemplate": "HyperDrive",
        "azureml.runsource": "hyperdrive",
        "platform": "AML",
    }
    return tags, properties


def add_trial(step: Step, template: Job, trial: Trial, ready: Ready) -> Run:
    """Record a trial and its run, and send it on: both, or neither.

    Args:
        template: The job that its parameters complete.
    """
    tx, parent, now = step.tx, step.run, step.now
    arguments = arguments_of(trial.parameters)
    if trial.resumed is not None:
        template, resumed = _resumed(tx, parent.workspace_id, template, trial.resumed)
        arguments = [*resumed, *arguments]
    job = with_arguments(template, arguments)
    text = json.dumps(trial.parameters)
    run = Run(
        workspace_id=parent.workspace_id,
        id=trial.run_id,
        experiment=parent.experiment,
        number=0,
        type=runs.SCRIPT_RUN,
        status=runs.NOT_STARTED,
        display_name=trial.run_id,
        target=parent.target,
        attempt=0,
        tags={"hyperparameters": text},
        properties={**facts_of(job), "azureml.runsource": "hyperdrive"},
        stages=[],
        warnings=[],
        error=None,
        waiting_for=None,
        lock_id=None,
        created=now,
        started=None,
        ended=None,
        revision=0,
        parent_id=parent.id,
        parameters=parameters_of(job.arguments or arguments),
        parts=step.sweep.parts,
    )
    tx.sweeps.add_trial(parent.workspace_id, parent.id, trial)
    lock = ready(job.environment.content_key(), is_here(tx, run.pool))
    run = tx.runs.add(sent_on(run, lock, now), job, "")  # its number is its identity
    if job.inputs or job.outputs:
        note_job_data(tx, run, job)
    let_on(tx, run, job)
    return run


def arguments_of(parameters: dict[str, Any]) -> list[str]:
    """Names and values as a script gets them (v1-behaviours 12.6): `--C 70.06`, dashes kept where they were written."""
    told = []
    for name, value in parameters.items():
        text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, (list, dict)) else str(value)
        told += [name if name.startswith("-") else f"--{name}", text]
    return told


def with_arguments(job: Job, arguments: list[str]) -> Job:
    """The job with arguments after its own (v1-behaviours 0.4)."""
    if job.command is not None:
        command = " ".join([job.command, *map(shlex.quote, arguments)])
        return job._replace(command=command, definition={**job.definition, "command": command})
    every = [*job.arguments, *arguments]
    return job._replace(arguments=every, definition={**job.definition, "arguments": every})


def _resumed(tx: Transaction, workspace_id: str, job: Job, run_id: str) -> tuple[Job, list[str]]:
    """The job with an earlier trial's outputs beside its script, and the argument that says where."""
    folder = f"{RESUMED}/{run_id}"
    kept = [file for file in tx.files.list(workspace_id, run_id) if file.sha256 and file.path.startswith("outputs/")]
    entries = [Entry(f"{folder}/{file.path}", file.sha256 or "", file.size_bytes) for file in kept]
    tree = tree_of([*tx.trees.get(job.snapshot_id).entries, *entries])
    tx.trees.add(tree)
    return job._replace(snapshot_id=tree.id), ["--resume-from", f"{folder}/outputs"]


def best_of(objective: Objective, summary: MetricSummary | None) -> float | None:
    """The best of all values of a metric that a run logged (v1-behaviours 12.16)."""
    if summary is None:
        return None
    return summary.min if objective.goal == MINIMIZE else summary.max


def standings(tx: Transaction, sweep: SweepRecord, numbers: Sequence[int]) -> list[Standing]:
    """How the trials of these numbers stand, in this order."""
    objectives = sweep.spec.objectives
    looks = tx.sweeps.look(sweep.workspace_id, sweep.run_id, [one.metric for one in objectives], numbers)
    found = {}
    for look in looks:
        if look.status is not None:
            best = [best_of(objective, look.logged.get(objective.metric)) for objective in objectives]
            primary = look.logged.get(sweep.spec.primary.metric)
            reports = primary.points if primary is not None else 0
            found[look.trial.number] = Standing(look.trial, look.status, best, reports, look.started, look.ended)
    return [found[number] for number in numbers if number in found]


def by_metric(objective: Objective, *, descending: bool, status: str | None = None) -> TrialOrder:
    """The order of trials by the best value of a metric."""
    return TrialOrder("metrics", objective.metric, objective.goal == MINIMIZE, descending, status)


def best_trial(tx: Transaction, sweep: SweepRecord) -> Standing | None:
    """The best by the primary metric, the first of those that are alike; None when none logged it."""
    primary = sweep.spec.primary
    order = by_metric(primary, descending=primary.goal != MINIMIZE)
    first = standings(tx, sweep, tx.sweeps.page(sweep.workspace_id, sweep.run_id, order, 1, 0))
    return first[0] if first and first[0].best[0] is not None else None


def front_of(spec: SweepSpec, told: Sequence[Standing]) -> list[Standing]:
    """The Pareto front: trials that no other is at least as good as in all metrics, and better in one."""
    signs = [-1.0 if objective.goal == MINIMIZE else 1.0 for objective in spec.objectives]
    points = [
        (standing, [sign * value for sign, value in zip(signs, standing.best, strict=True) if value is not None])
        for standing in told
        if all(value is not None for value in standing.best)
    ]

    def beats(one: list[float], other: list[float]) -> bool:
        return one != other and all(a >= b for a, b in zip(one, other, strict=True))

    return [standing for standing, point in points if not any(beats(other, point) for _, other in points)]
