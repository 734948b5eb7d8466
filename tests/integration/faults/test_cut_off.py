"""A node cut off for longer than its lease: its run is taken over by another, and what it brings later is refused."""

from __future__ import annotations

from pathlib import Path

from amlet.wire.computes import CreateCompute
from amlet.wire.files import FileQuery
from support.faults import frozen
from support.runs import finish, submit_script, workspace_id
from support.server import RealServer, until

SCRIPT = """
import os, pathlib, time
from azureml.core import Run
flags = pathlib.Path({flags!r})
run = Run.get_context()
run.log("pid", os.getpid())
print("began", os.getpid(), flush=True)
(flags / ("began-" + str(os.getpid()))).touch()
while not (flags / "go").exists():
    time.sleep(0.02)
print("ended", os.getpid(), flush=True)
os.makedirs("outputs", exist_ok=True)
(pathlib.Path("outputs") / "pid.txt").write_text(str(os.getpid()))
(flags / ("ended-" + str(os.getpid()))).touch()
"""


def test_a_run_whose_node_was_cut_off_is_taken_over_and_its_late_results_are_refused(
    fresh_server: RealServer, tmp_path: Path
):
    client, flags = fresh_server.client(), tmp_path / "flags"
    flags.mkdir()
    workspace = workspace_id(client)
    client.computes.create(workspace, "two", CreateCompute("AmlCompute", "STANDARD_D1_V2", max_nodes=2, idle_s=600))
    text = SCRIPT.format(flags=str(flags))
    run = submit_script(client, tmp_path / "job", text, target="two", retries=1)
    until(lambda: list(flags.glob("began-*")), what="the script's first attempt")
    first = next(flags.glob("began-*")).name.removeprefix("began-")
    node = until(lambda: client.runs.get(workspace, run.id).run.properties.get("amlet.node"), what="its node")
    until(lambda: client.runs.metrics(workspace, run.id).values, what="what it logged")
    until(lambda: any("std_log" in file.path for file in client.runs.get(workspace, run.id).files), what="its log")

    with frozen(fresh_server.node_pid(node)):
        until(lambda: len(list(flags.glob("began-*"))) == 2, seconds=60, what="the second attempt")
        second = next(path.name for path in flags.glob("began-*") if first not in path.name).removeprefix("began-")
        (flags / "go").touch()
        ended = finish(client, client.runs.get(workspace, run.id).run)
        until(lambda: len(list(flags.glob("ended-*"))) == 2, what="the end of both scripts")
    # The node goes on now, with results in hand that no longer count.
    log = fresh_server.home.nodes / node / "node.log"
    until(lambda: "no longer counts" in log.read_text(), what="the refusal")

    assert (ended.status, ended.attempt) == ("Completed", 2)
    assert [(past.number, past.node) for past in ended.past] == [(1, node)]
    assert "was lost while the script ran" in ended.past[0].error.message
    found = client.runs.get(workspace, run.id)
    assert found.run == ended
    assert ended.properties["amlet.node"] != node
    texts = {}
    for path in ("user_logs/std_log.txt", "user_logs/attempt_1/std_log.txt", "outputs/pid.txt"):
        with client.runs.file(workspace, run.id, FileQuery(path)) as body:
            texts[path] = body.read().decode()
    assert texts == {
        "user_logs/std_log.txt": f"began {second}\nended {second}\n",
        "user_logs/attempt_1/std_log.txt": f"began {first}\n",
        "outputs/pid.txt": second,
    }
    metrics = client.runs.metrics(workspace, run.id).values
    assert metrics == {"attempt_1/pid": int(first), "pid": int(second)}
