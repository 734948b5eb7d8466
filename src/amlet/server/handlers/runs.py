"""Runs: submit, look, wait, cancel; their metrics, files and journals."""

from __future__ import annotations

from starlette.responses import Response

from amlet.base.errors import InvalidInput, NotFound
from amlet.domain.artifact import BlobLocation, tree_of
from amlet.domain.metric import collate
from amlet.domain.run import Run
from amlet.operations import cancel as cancelling
from amlet.operations import collect
from amlet.operations.lease import current
from amlet.operations.submit import submit as submit_job
from amlet.operations.transitions import run_topic
from amlet.server.context import Call, Handler
from amlet.server.streams import blob_response, log_response
from amlet.store.base import RunFilter, Transaction
from amlet.wire.files import RunFile, SizeAnswer, TreeAnswer
from amlet.wire.runs import Metrics, RunChanges, RunDetails, RunPage, SubmitAnswer

JOURNAL_LIMIT_BYTES = 16 << 20
PAGE_LIMIT = 1000


async def submit(call: Call) -> SubmitAnswer:
    parts = call.parts
    return await parts.write(lambda tx: submit_job(tx, call.workspace_id, call.body, parts.ready(tx), parts.now()))


async def page(call: Call) -> RunPage:
    asked = call.query
    if not 1 <= asked.limit <= PAGE_LIMIT:
        raise InvalidInput(f"limit must be from 1 to {PAGE_LIMIT}, got {asked.limit}.")
    chosen = RunFilter(asked.experiment, asked.status, asked.limit, asked.before)
    runs, following = await call.parts.read(lambda tx: tx.runs.page(call.workspace_id, chosen))
    return RunPage(runs, following)


async def get(call: Call) -> RunDetails:
    def look(tx: Transaction) -> RunDetails:
        run = tx.runs.get(call.workspace_id, call.run_id)
        lock = tx.locks.get(run.lock_id) if run.lock_id else None
        return RunDetails(run, tx.runs.job(call.workspace_id, call.run_id), lock, _files(tx, run))

    return await call.parts.read(look)


async def watch(call: Call) -> RunChanges:
    parts, after = call.parts, call.query.after

    def look(tx: Transaction) -> RunChanges:
        run = tx.runs.get(call.workspace_id, call.run_id)
        return RunChanges(run, _files(tx, run))

    async def changed() -> RunChanges | None:
        found = await parts.read(look)
        return found if found.run.revision > after or found.run.is_over else None

    found = await parts.topics.until(run_topic(call.workspace_id, call.run_id), changed, call.query.wait_s)
    return found if found is not None else await parts.read(look)


async def cancel(call: Call) -> Run:
    return await call.parts.write(lambda tx: cancelling.cancel(tx, call.workspace_id, call.run_id, call.parts.now()))


async def metrics(call: Call) -> Metrics:
    def look(tx: Transaction) -> Metrics:
        tx.runs.get(call.workspace_id, call.run_id)
        found = tx.metrics.points(call.workspace_id, call.run_id, call.query.name)
        return Metrics({name: collate(points) for name, points in found.items()})

    return await call.parts.read(look)


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
    def keep(tx: Transaction) -> list[str]:
        run = tx.runs.get(call.workspace_id, call.run_id)
        return collect.put_files(tx, run, call.body.entries)

    missing = await call.parts.write(keep)  # checks the entries first
    return TreeAnswer(tree_of(call.body.entries).id, missing)


async def drain(call: Call) -> SizeAnswer:
    data = await call.raw(JOURNAL_LIMIT_BYTES)
    asked = call.query

    def keep(tx: Transaction) -> int:
        run = current(tx, call.workspace_id, call.run_id, asked.attempt)
        return collect.drain(tx, run, asked.journal, asked.offset, data)

    return SizeAnswer(await call.parts.write(keep))


def _files(tx: Transaction, run: Run) -> list[RunFile]:
    return [
        RunFile(held.path, held.size_bytes, held.log is not None and not run.is_over)
        for held in tx.files.list(run.workspace_id, run.id)
    ]


HANDLERS: dict[str, Handler] = {
    "runs.submit": submit,
    "runs.list": page,
    "runs.get": get,
    "runs.watch": watch,
    "runs.cancel": cancel,
    "runs.metrics": metrics,
    "runs.file": file,
    "runs.put_files": put_files,
    "runs.drain": drain,
}
