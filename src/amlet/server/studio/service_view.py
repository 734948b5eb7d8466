"""What the page of a service shows: how it is, what it serves, what it has answered, its log."""

from __future__ import annotations

from typing import Any, NamedTuple

from amlet.domain.service import BATCH_SIZES, LATENCY_S, ReplicaLoad, Service
from amlet.operations.service_records import find_service, served_model, versions_of
from amlet.server.context import Parts
from amlet.server.service_loads import Told
from amlet.server.studio.tails import tail_text
from amlet.store.base import ServiceRecord, Transaction
from amlet.wire import pages

LOG_LINES = 200


class Bar(NamedTuple):
    """One bar of a histogram."""

    words: str
    many: int
    percent: float
    """Of the longest bar."""


class Counts(NamedTuple):
    told: Told
    latency: list[Bar]
    batches: list[Bar]


class Served(NamedTuple):
    """A model, and the run that made it."""

    title: str
    href: str
    run: str
    run_href: str


class Part(NamedTuple):
    """The service itself, or a version of an endpoint."""

    service: Service
    counts: Counts | None


def service_values(parts: Parts, workspace_id: str, name: str) -> dict[str, Any]:
    """All of a page. Blocks.

    Raises:
        NotFound: there is no such service.
    """

    def look(tx: Transaction) -> tuple[dict[str, Any], list[ServiceRecord]]:
        record = find_service(tx, workspace_id, name)
        versions = versions_of(tx, workspace_id, name)
        told = {
            "workspace": tx.workspaces.get(workspace_id),
            "service": record.service,
            "models": [_served(tx, workspace_id, model_id) for model_id in record.service.model_ids],
            "settings": _settings(record.service),
        }
        return told, [record, *versions]

    values, records = parts.records.read(look)
    logs = [(record.service.version, parts.logs.tail(record.log, LOG_LINES)) for record in records]
    return {
        **values,
        "parts_of": [Part(record.service, _counts(parts, record.service)) for record in records],
        "logs": [(version, tail_text(data, cut=False)[0]) for version, data in logs if data],
    }


def histogram(counts: list[int], words: list[str]) -> list[Bar]:
    """Bars from the first that counts to the last."""
    held = [number for number, count in enumerate(counts) if count]
    if not held:
        return []
    most = max(counts)
    span = range(held[0], held[-1] + 1)
    return [Bar(words[number], counts[number], round(100 * counts[number] / most, 1)) for number in span]


def _counts(parts: Parts, service: Service) -> Counts | None:
    told = parts.loads.of(service.workspace_id, service.name, service.version, service.revision)
    return Counts(told, *_histograms(told.load)) if told is not None else None


def _histograms(load: ReplicaLoad) -> tuple[list[Bar], list[Bar]]:
    times = [f"up to {_duration(bound)}" for bound in LATENCY_S] + [f"over {_duration(LATENCY_S[-1])}"]
    rows = [f"up to {bound}" if bound > 1 else "1" for bound in BATCH_SIZES] + [f"over {BATCH_SIZES[-1]}"]
    return histogram(load.latency, times), histogram(load.batches, rows)


def _duration(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{1000 * seconds:g} ms"


def _served(tx: Transaction, workspace_id: str, model_id: str) -> Served:
    model, _, _ = served_model(tx, workspace_id, model_id)
    has_run = model.run_id is not None and model.experiment is not None
    run = pages.run_page(workspace_id, model.experiment or "", model.run_id or "") if has_run else ""
    return Served(model.id, pages.model_page(workspace_id, model.name, model.version), model.run_id or "", run)


def _settings(service: Service) -> list[tuple[str, str]]:
    """What was asked for, in words."""
    deployment = service.deployment
    asked, scale = deployment.resources, deployment.autoscale
    many = f"{scale.min_replicas} to {scale.max_replicas} by load" if scale else str(deployment.least_processes)
    told = [
        ("Kind", deployment.kind),
        ("Target", deployment.target or ""),
        ("Entry script", deployment.entry_script or ""),
        ("Access", deployment.auth),
        ("Cores", f"{asked.cpu:g}" if asked is not None and asked.cpu else ""),
        ("Memory", f"{asked.memory_gb:g} GB" if asked is not None and asked.memory_gb else ""),
        ("Processes", many),
        ("Captured", f"{deployment.capture.share:.0%} of the requests" if deployment.capture is not None else ""),
    ]
    return [(name, text) for name, text in told if text]
