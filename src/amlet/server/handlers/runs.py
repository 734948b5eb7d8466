"""Runs: submit, look, wait, cancel; their metrics, files and journals."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from amlet.base.errors import NotFound
from amlet.domain.artifact import BlobLocation, Tree, tree_of
from amlet.domain.job import Job
from amlet.domain.run import SNAPSHOT, Run
from amlet.operations import cancel as cancelling
from amlet.operations import collect, interactive, trash
from amlet.operations.edit import update_run
from amlet.operations.find import find_runs
from amlet.operations.lease import current
from amlet.operations.submit import submit as submit_job
from amlet.operations.transitions import run_topic
from amlet.operations.waiting import with_waits
from amlet.runtime.journal import read_points
from amlet.server.context import Call, Handler
from amlet.server.metric_stream import metrics_response
from amlet.server.security import check_family
from amlet.server.streams import blob_response, log_response
from amlet.store.base import Transaction
from amlet.wire.files import RunFile, SizeAnswer, TreeAnswer
from amlet.wire.routes import RUN
from amlet.wire.runs import Chart, RunChanges, RunDetails, RunPage, Runs, SubmitAnswer, TrashAnswer

JOURNAL_LIMIT_BYTES = 16 << 20

PARSE_APART_BYTES = 64 << 10
"""More bytes of a journal are read before the writer has its turn: others would wait for tens of milliseconds."""


async def submit(call: Call) -> SubmitAnswer:
    parts = call.parts
    return await parts.write(lambda tx: submit_job(tx, call.workspace_id, call.body, parts.ready(tx), parts.now()))


async def page(call: Call) -> RunPage:
    asked, parts = call.query, call.parts
    if call.principal.kind == RUN and asked.parent_id is None:
        asked = asked._replace(parent_id=call.principal.run_id)  # a job sees its own children

    def look(tx: Transaction) -> RunPage:
        check_family(tx, call.principal, call.workspace_id, asked.parent_id)
        found = find_runs(tx, call.workspace_id, asked)
        waits = with_waits(tx, found.runs, parts.machine, parts.now(), engines=parts.engines)
        return RunPage(waits.runs, found.next, waits.ahead)

    return await parts.read(look)


async def start(call: Call) -> Runs:
    def work(tx: Transaction) -> Runs:
        for one in call.body.runs:
            check_family(tx, call.principal, call.workspace_id, one.parent_id)
        return Runs(interactive.start_runs(tx, call.workspace_id, call.body.runs, call.parts.now()))

    return await call.parts.write(work)


async def end(call: Call) -> Run:
    return await call.parts.write(
        lambda tx: interactive.end_run(tx, call.workspace_id, call.run_id, call.body, call.parts.now())
    )


async def update(call: Call) -> Run:
    return await call.parts.write(lambda tx: update_run(tx, call.workspace_id, call.run_id, call.body))


async def to_trash(call: Call) -> Run:
    return await call.parts.write(lambda tx: trash.trash(tx, call.workspace_id, call.run_id, call.parts.now()))


async def restore(call: Call) -> Run:
    return await call.parts.write(lambda tx: trash.restore(tx, call.workspace_id, call.run_id))


async def empty_trash(call: Call) -> TrashAnswer:
    parts, now = call.parts, call.parts.now()
    emptying = trash.Emptying(parts.records, parts.blobs, parts.logs)
    before = now if call.query.now else now - trash.KEPT
    return await parts.threaded(lambda: emptying.empty(before, now, dry_run=call.query.dry_run))


async def chart(call: Call) -> Chart:
    points = max(10, min(call.query.points, 10_000))

    def look(tx: Transaction) -> Chart:
        tx.runs.get(call.workspace_id, call.run_id)
        return tx.metrics.chart(call.workspace_id, call.run_id, call.query.name, points)

    return await call.parts.read(look)


async def snapshot(call: Call) -> Tree:
    def look(tx: Transaction) -> Tree:
        run = tx.runs.get(call.workspace_id, call.run_id)
        held = run.properties.get(SNAPSHOT)
        if held is None:
            raise NotFound(
                f"Run {run.id} has no snapshot.", hint="an interactive run takes one with take_snapshot(path)."
            )
        return tx.trees.get(held)

    return await call.parts.read(look)


async def put_snapshot(call: Call) -> TreeAnswer:
    tree_id, missing = await call.parts.write(
        lambda tx: interactive.put_snapshot(tx, call.workspace_id, call.run_id, call.body.entries)
    )
    return TreeAnswer(tree_id, missing)


async def get(call: Call) -> RunDetails:
    def over(tx: Transaction) -> RunDetails | None:
        return look(tx) if tx.runs.get(call.workspace_id, call.run_id).is_over else None

    def look(tx: Transaction) -> RunDetails:
        run = _run(call, tx)
        lock = tx.locks.get(run.lock_id) if run.lock_id else None
        uses = tx.data_uses.of_run(run.workspace_id, run.id)
        return RunDetails(run, _job(tx, run), lock, _files(tx, run), uses)

    parts, found = call.parts, None
    if call.query.wait_s:
        topic = run_topic(call.workspace_id, call.run_id)
        found = await parts.topics.until(topic, lambda: parts.read(over), call.query.wait_s)
    return found if found is not None else await parts.read(look)


async def watch(call: Call) -> RunChanges:
    parts, after = call.parts, call.query.after

    def look(tx: Transaction) -> RunChanges:
        run = _run(call, tx)
        return RunChanges(run, _files(tx, run))

    async def changed() -> RunChanges | None:
        found = await parts.read(look)
        return found if found.run.revision > after or found.run.is_over else None

    found = await parts.topics.until(run_topic(call.workspace_id, call.run_id), changed, call.query.wait_s)
    return found if found is not None else await parts.read(look)


async def cancel(call: Call) -> Run:
    return await call.parts.write(lambda tx: cancelling.cancel(tx, call.workspace_id, call.run_id, call.parts.now()))


async def metrics(call: Call) -> Response:
    return await metrics_response(call.parts, call.workspace_id, call.run_id, call.query.name)


async def file(call: Call) -> Response:
    path, offset = call.query.path, max(0, call.query.offset)

    def look(tx: Transaction) -> tuple[int | None, int, BlobLocation | None]:
        record = tx.files.find(call.workspace_id, call.run_id, path)
        if record is None:
            run = tx.runs.get(call.workspace_id, call.run_id)
            listed = ", ".join(held.path for held in tx.files.list(run.workspace_id, run.id)[:30]) or "none"
            raise NotFound(f"Run {run.id} has no file {path[:200]!r}. Its files: {listed}.")
        return (
            record.log,
            record.size_bytes,
            tx.blobs.locate([record.sha256]).get(record.sha256) if record.sha256 else None,
        )

    log, size_bytes, location = await call.parts.read(look)
    if location is not None:
        return await blob_response(call.parts, location, offset=offset)
    assert log is not None, "a file is a blob or a log"
    return await log_response(call.parts, log, size_bytes, offset=offset)


async def put_files(call: Call) -> TreeAnswer:
    # A script's own ./outputs, handed in before its end.
    live = call.principal.kind == RUN and call.principal.run_id == call.run_id and call.body.replace

    def keep(tx: Transaction) -> list[str]:
        run = tx.runs.get(call.workspace_id, call.run_id)
        return collect.put_files(tx, run, call.body.entries, replace=call.body.replace, live=live)

    missing = await call.parts.write(keep)  # checks the entries first
    return TreeAnswer(tree_of(call.body.entries).id, missing)


async def drain(call: Call) -> SizeAnswer:
    data = await call.raw(JOURNAL_LIMIT_BYTES)
    asked = call.query
    parsed = await call.parts.threaded(partial(read_points, data)) if len(data) > PARSE_APART_BYTES else None

    def keep(tx: Transaction) -> int:
        run = current(tx, call.workspace_id, call.run_id, asked.attempt)
        return collect.drain(tx, run, asked.journal, asked.offset, data, parsed)

    return SizeAnswer(await call.parts.write(keep))


def _run(call: Call, tx: Transaction) -> Run:
    """The run, with why it waits now."""
    run = tx.runs.get(call.workspace_id, call.run_id)
    parts = call.parts
    return with_waits(tx, [run], parts.machine, parts.now(), engines=parts.engines).runs[0]


def _job(tx: Transaction, run: Run) -> Job | None:
    try:
        return tx.runs.job(run.workspace_id, run.id)
    except NotFound:  # an interactive run has none
        return None


def _files(tx: Transaction, run: Run) -> list[RunFile]:
    return [
        RunFile(held.path, held.size_bytes, held.log is not None and not run.is_over)
        for held in tx.files.list(run.workspace_id, run.id)
    ]


HANDLERS: dict[str, Handler] = {
    "runs.submit": submit,
    "runs.list": page,
    "runs.start": start,
    "runs.end": end,
    "runs.update": update,
    "runs.trash": to_trash,
    "runs.restore": restore,
    "runs.empty_trash": empty_trash,
    "runs.chart": chart,
    "runs.snapshot": snapshot,
    "runs.put_snapshot": put_snapshot,
    "runs.get": get,
    "runs.watch": watch,
    "runs.cancel": cancel,
    "runs.metrics": metrics,
    "runs.file": file,
    "runs.put_files": put_files,
    "runs.drain": drain,
}
