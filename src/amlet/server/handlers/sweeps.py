"""Sweeps: submit, look, give more trials."""

from __future__ import annotations

from amlet.operations.show_sweep import sweep_decisions, sweep_details, sweep_trials
from amlet.operations.submit_sweep import extend_sweep, resume_sweep, submit_sweep
from amlet.operations.transitions import run_topic
from amlet.server.context import Call, Handler
from amlet.wire.runs import SubmitAnswer
from amlet.wire.sweeps import Decisions, SweepDetails, TrialPage


async def submit(call: Call) -> SubmitAnswer:
    return await call.parts.write(lambda tx: submit_sweep(tx, call.workspace_id, call.body, call.parts.now()))


async def get(call: Call) -> SweepDetails:
    parts, after = call.parts, call.query.after

    async def changed() -> SweepDetails | None:
        run = await parts.read(lambda tx: tx.runs.get(call.workspace_id, call.run_id))
        return await _details(call) if run.revision > after or run.is_over else None

    found = await parts.topics.until(run_topic(call.workspace_id, call.run_id), changed, call.query.wait_s)
    return found if found is not None else await _details(call)


async def trials(call: Call) -> TrialPage:
    return await call.parts.read(lambda tx: sweep_trials(tx, call.workspace_id, call.run_id, call.query))


async def decisions(call: Call) -> Decisions:
    return await call.parts.read(lambda tx: sweep_decisions(tx, call.workspace_id, call.run_id, call.query))


async def extend(call: Call) -> SweepDetails:
    await call.parts.write(
        lambda tx: extend_sweep(tx, call.workspace_id, call.run_id, call.body.runs, call.parts.now())
    )
    return await _details(call)


async def resume(call: Call) -> SweepDetails:
    await call.parts.write(lambda tx: resume_sweep(tx, call.workspace_id, call.run_id, call.parts.now()))
    return await _details(call)


async def _details(call: Call) -> SweepDetails:
    return await call.parts.read(lambda tx: sweep_details(tx, call.workspace_id, call.run_id))


HANDLERS: dict[str, Handler] = {
    "sweeps.submit": submit,
    "sweeps.get": get,
    "sweeps.trials": trials,
    "sweeps.decisions": decisions,
    "sweeps.extend": extend,
    "sweeps.resume": resume,
}
