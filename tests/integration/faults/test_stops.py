"""The server and nodes stopped, frozen and started again while runs go on; answers lost; ports and names taken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from amlet.wire.runs import RunQuery
from amlet.wire.workspaces import EnsureWorkspace
from support.faults import CLIENT, OWN_PYTHON, SCRIPT, TINY, Scene, frozen, passes, submit_folder
from support.server import RealServer, until

LEASE_S = 15.0


def _running(scene: Scene) -> None:
    scene.start_client()
    until(lambda: scene.runs() and len(scene.values(scene.run())) == 20, what="the first metrics")


def _completed(scene: Scene) -> None:
    assert scene.client_ends()["status"] == "Completed"
    run = scene.settled()[-1]
    assert run.status == "Completed", run.error
    assert scene.values(run) == list(range(40))
    lines = scene.text(run, "user_logs/std_log.txt").decode().splitlines()
    assert [line for line in lines if line.startswith("line ")] == [f"line {number}" for number in range(40)]


def test_a_run_and_its_waiting_client_outlast_a_server_that_is_stopped_and_started(scene: Scene):
    _running(scene)

    scene.server.terminate()
    scene.flag("middle")
    until(lambda: len(scene.logged()) == 40, what="a script that goes on without a server")
    scene.start()

    _completed(scene)
    scene.stop()


def test_a_server_that_was_frozen_longer_than_a_lease_takes_no_run_for_lost(scene: Scene):
    _running(scene)

    with frozen(*scene.pids("server")):
        passes(LEASE_S + 2)
    scene.flag("middle")

    _completed(scene)
    scene.stop()


def test_a_node_that_was_frozen_longer_than_a_lease_is_refused_and_goes_on_serving(scene: Scene):
    _running(scene)
    run = scene.run()

    with frozen(*scene.pids("node")):
        assert scene.settled(LEASE_S + 10)[-1].status == "Failed"
        job = scene.pids("job")
        assert job
    assert "was lost while the script ran" in (scene.run().error or "").message
    until(lambda: not scene.pids("job"), what="the end of the script of the attempt that was taken away")
    assert scene.client.runs.get(scene.workspace_id, run.id).run.revision == scene.run().revision
    scene.flag("middle")
    scene.submit(name="next")

    assert scene.settled()[-1].status == "Completed"
    assert scene.client_ends()["status"] == "Failed"
    scene.stop()


def test_fifty_processes_on_an_empty_home_start_one_server_and_get_fifty_runs(tmp_path: Path):
    (tmp_path / "train.py").write_text("print('hi')")
    (tmp_path / "client.py").write_text(CLIENT.replace("run.wait_for_completion(raise_on_error=False)\n", ""))
    (tmp_path / "config.json").write_text('{"subscription_id": "s", "resource_group": "g", "workspace_name": "fifty"}')
    server = RealServer(tmp_path / "home")
    processes = [
        subprocess.Popen(
            [sys.executable, "client.py", str(tmp_path), "own", "no"],
            cwd=tmp_path,
            env=server.variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(50)
    ]
    try:
        said = [process.communicate(timeout=120)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * 50, [text for text in said if "run " not in text]
        ids = {text.split("run ")[1].split()[0] for text in said}
        assert len(ids) == 50
        assert sum("started a server" in text for text in said) == 1
        client = server.client()
        workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "fifty")).workspace.id
        until(
            lambda: [run.status for run in client.runs.list(workspace, RunQuery(limit=100)).runs] == ["Completed"] * 50,
            seconds=60,
            what="the end of fifty runs",
        )
    finally:
        for process in processes:
            process.kill()
            process.wait()
        _end_by_force(server)


def _end_by_force(server: RealServer) -> None:
    for pid in server.marked():
        os.kill(pid, signal.SIGKILL)
    server.close()


@pytest.mark.parametrize(
    "route", [rb"/settle ", rb"POST /api/nodes/take", rb"/journal\?", rb"/finalizing ", rb"/log\?"]
)
def test_an_answer_that_never_came_changes_nothing(route: bytes, scene: Scene):
    scene.gate.hold(route, answer=True)
    scene.start_client()
    if not route.endswith(rb"\?"):  # what a script has said when it ends comes with its end
        scene.flag("middle")
    assert scene.gate.reached.wait(20)
    scene.flag("middle")

    _completed(scene)


def test_a_run_that_is_cancelled_while_it_is_staged_ends_as_canceled(scene: Scene):
    scene.gate.hold(rb"POST /api/workspaces/[^ ]*/packs/fetch")
    run = scene.submit()
    assert scene.gate.reached.wait(20)

    scene.client.runs.cancel(scene.workspace_id, run.id)
    scene.gate.release()

    assert scene.settled()[-1].status == "Canceled"
    assert scene.logged() == []


LEAVING = """
import os, subprocess, sys
writing = "import sys\\nwhile True: print('on and on', flush=True)"
for own_session in (False, True):
    subprocess.Popen([sys.executable, "-c", writing], start_new_session=own_session)
print("left")
"""


def test_what_a_script_leaves_running_ends_with_its_run(scene: Scene):
    scene.submit(LEAVING, name="leaving")

    assert scene.settled()[-1].status == "Completed"
    until(lambda: len(scene.server.marked()) <= 2, seconds=5, what="the end of what the script left")


def test_a_node_told_to_end_fails_its_run_and_another_takes_its_place(scene: Scene):
    scene.submit()
    scene.status("Running")
    before = scene.server.node_pid()

    os.kill(before, signal.SIGTERM)

    ended = scene.settled()[-1]
    assert ended.status == "Failed"
    assert "told to end" in (ended.error or "").message
    until(lambda: scene.server.node_pid() != before, what="another node")
    scene.flag("middle")
    scene.submit(name="next")
    assert scene.settled()[-1].status == "Completed"


def test_a_node_killed_between_the_start_of_a_script_and_the_note_of_it_leaves_it_to_its_successor(scene: Scene):
    scene.submit()
    until(lambda: len(scene.logged()) == 20, what="a script at work")
    (note,) = scene.server.home.nodes.glob("local/attempts/*/process.json")
    before = scene.server.node_pid()

    with frozen(before):
        note.unlink()
        scene.kill("node")
    until(lambda: scene.server.node_pid() != before, what="another node")
    scene.flag("middle")

    (run,) = scene.settled()
    assert (run.status, run.attempt) == ("Completed", 1)
    assert scene.values(run) == list(range(40))


class _Other(BaseHTTPRequestHandler):
    """Another program on the server's port."""

    def do_POST(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"<html>not here</html>")

    do_GET = do_PUT = do_POST  # noqa: N815 - the names of http.server

    def log_message(self, *_: object) -> None:
        pass


class _Reusing(HTTPServer):
    allow_reuse_address = True


def test_another_program_on_the_port_of_a_killed_server_costs_no_run(fresh_server: RealServer, tmp_path: Path):
    (tmp_path / "train.py").write_text(SCRIPT)
    flags = tmp_path / "flags"
    flags.mkdir()
    client = fresh_server.client()
    workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "taken")).workspace.id
    run = submit_folder(client, workspace, tmp_path, OWN_PYTHON, [str(flags)])
    until(lambda: (flags / "middle.here").exists(), what="a script at work")
    port = int(fresh_server.url.rpartition(":")[2])

    fresh_server.kill()
    other = _Reusing(("127.0.0.1", port), _Other)
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    try:
        passes(2)  # the node asks it some questions
        (flags / "middle").touch()
        fresh_server.start()
        assert fresh_server.url.rpartition(":")[2] != str(port)
        client = fresh_server.client()
        ended = until(
            lambda: (found := client.runs.get(workspace, run.id).run).is_over and found, what="the end of the run"
        )
    finally:
        other.shutdown()
        other.server_close()
        thread.join()

    assert ended.status == "Completed", ended.error
    assert client.runs.metrics(workspace, run.id).values["value"] == list(range(40))


def test_the_port_of_a_server_whose_process_id_is_anothers_now_is_taken_again(fresh_server: RealServer):
    url = fresh_server.url
    fresh_server.kill()
    told = fresh_server.home.server_file.read_text()
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        pid = f'"pid": {fresh_server.process.pid if fresh_server.process else 0}'
        assert pid in told
        fresh_server.home.server_file.write_text(told.replace(pid, f'"pid": {bystander.pid}'))

        fresh_server.start()

        assert fresh_server.url == url
        assert bystander.poll() is None
    finally:
        bystander.communicate(b"\n")


def test_a_server_that_ends_takes_along_the_uv_that_it_waits_for(scene: Scene):
    scene.index.hold("/simple/tiny/")
    scene.submit(spec=TINY)
    assert scene.index.reached.wait(20)

    scene.server.terminate()
    assert scene.pids("uv") == []
    scene.start()
    scene.index.release()
    scene.flag("middle")

    assert scene.settled()[-1].status == "Completed"


STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(os.path.join(sys.argv[1], "middle.here"), "w").close()
time.sleep(600)
"""


@pytest.mark.every_fault
@pytest.mark.parametrize("node", ["alive", "frozen", "killed"])
def test_a_stop_leaves_no_script_that_ignores_sigterm(node: str, scene: Scene):
    scene.submit(STUBBORN)
    until(lambda: (scene.flags / "middle.here").exists(), what="a script at work")

    with frozen(*scene.pids("node") if node == "frozen" else ()):
        if node == "killed":
            scene.kill("node")
        scene.stop()

    scene.start()
    assert scene.settled(45)[-1].status == "Canceled"
