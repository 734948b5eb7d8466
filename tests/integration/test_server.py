"""The server's own life: one a home, its port kept, its end clean."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amlet.base.errors import Conflict
from amlet.wire.server import StopServer
from support.runs import finish, submit_script, workspace_id
from support.server import RealServer, until

WAITS = """
import pathlib, time
print("began", flush=True)
while not pathlib.Path({flag!r}).exists():
    time.sleep(0.02)
print("ended")
"""


def _waiting(server: RealServer, tmp_path: Path):
    """A run that goes on until a file is there."""
    flag = tmp_path / "go on"
    run = submit_script(server.client(), tmp_path / "waits", WAITS.format(flag=str(flag)))
    client = server.client()
    until(lambda: client.runs.get(run.workspace_id, run.id).run.status == "Running", what="the script's start")
    return run, flag


def test_a_restarted_server_keeps_its_port_and_token(fresh_server: RealServer):
    before = (fresh_server.url, fresh_server.token)
    fresh_server.terminate()
    fresh_server.start()

    assert (fresh_server.url, fresh_server.token) == before


def test_a_second_server_of_one_home_is_refused(fresh_server: RealServer):
    ended = subprocess.run(
        [sys.executable, "-m", "amlet.server"],
        env=fresh_server.variables(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert f"A server for {fresh_server.home.root} is running already." in ended.stderr


def test_an_idle_server_ends_itself_and_its_node(fresh_server: RealServer):
    fresh_server.terminate()
    fresh_server.start(AMLET_IDLE_END_S="1.5")

    assert fresh_server.process is not None
    fresh_server.process.wait(30)
    until(lambda: fresh_server.marked() == [], seconds=15, what="the end of the node")


def test_stop_refuses_while_runs_go_on_and_ends_everything_when_told_to(fresh_server: RealServer, tmp_path):
    run, _ = _waiting(fresh_server, tmp_path)
    with pytest.raises(Conflict, match=run.id):
        fresh_server.client().server.stop(StopServer())

    fresh_server.client().server.stop(StopServer(cancel_runs=True))

    assert fresh_server.process is not None
    fresh_server.process.wait(30)
    assert fresh_server.marked() == []
    fresh_server.start()
    assert fresh_server.client().runs.get(run.workspace_id, run.id).run.status == "Canceled"


def test_a_run_goes_on_over_a_killed_server_and_ends_completed(fresh_server: RealServer, tmp_path):
    run, flag = _waiting(fresh_server, tmp_path)
    fresh_server.kill()
    flag.touch()
    fresh_server.start()

    ended = finish(fresh_server.client(), run)

    assert ended.status == "Completed"
    with fresh_server.client().runs.file(run.workspace_id, run.id, _std_log()) as body:
        assert body.read() == b"began\nended\n"


def test_a_killed_node_is_replaced_and_its_script_adopted(fresh_server: RealServer, tmp_path):
    run, flag = _waiting(fresh_server, tmp_path)
    pid = fresh_server.node_pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: fresh_server.node_pid() != pid, what="another node")
    flag.touch()

    ended = finish(fresh_server.client(), run)

    assert (ended.status, ended.attempt) == ("Completed", 1)


def test_a_cancelled_run_ends_with_its_whole_process_group(fresh_server: RealServer, tmp_path):
    text = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    run = submit_script(fresh_server.client(), tmp_path / "family", text + "print('two', flush=True)\ntime.sleep(600)")
    client = fresh_server.client()
    until(lambda: any(f.path.startswith("user_logs") for f in client.runs.get(run.workspace_id, run.id).files))

    client.runs.cancel(run.workspace_id, run.id)
    ended = finish(client, run)

    assert ended.status == "Canceled"
    until(lambda: len(fresh_server.marked()) == 2, what="nothing but the server and its node")


def test_two_workspaces_with_the_same_names_are_told_apart_by_their_group(fresh_server: RealServer):
    from amlet.wire.workspaces import EnsureWorkspace

    client = fresh_server.client()
    other = client.workspaces.ensure(EnsureWorkspace("s", "another", "quick"))

    assert other.created
    assert other.workspace.id != workspace_id(client)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3"])
def test_another_address_than_loopback_needs_word_of_tls(host, tmp_path):
    from amlet.base.errors import InvalidInput
    from amlet.base.paths import Home
    from amlet.server.main import serve

    with pytest.raises(InvalidInput, match="would send tokens in clear"):
        serve(Home(tmp_path), host=host)


def _std_log():
    from amlet.wire.files import FileQuery

    return FileQuery("user_logs/std_log.txt")
