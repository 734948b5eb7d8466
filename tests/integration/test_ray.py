"""Runs on a cluster of Ray's: actors bring our nodes, machines are lost, the head too; the autoscaler."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.domain.compute import IDLE
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.run import CANCELED, COMPLETED, FAILED, QUEUED, RUNNING, Run
from amlet.operations.lease import LEASE_S
from amlet.runtime.process import mark_of
from amlet.wire.computes import UpdateCompute
from azureml.core import Dataset, Workspace
from azureml.data import OutputFileDatasetConfig
from support.data_runs import Place
from support.on_ray import WAITS, OnRay, on_ray, workers
from support.pair import HELLO
from support.ray_cluster import RayCluster, arguments_of, machines_apart, need_ray
from support.runs import finish
from support.server import until

CHATTY = """
import os, pathlib, amlet
pathlib.Path("outputs/here.txt").write_text(amlet.__file__)
print("home", os.environ["AMLET_HOME"], "ray", [name for name in os.environ if name.startswith("RAY_")])
"""


@pytest.fixture(scope="module")
def shared(ray_cluster: RayCluster) -> Iterator[OnRay]:
    with on_ray(ray_cluster.address) as made:
        yield made


def test_a_run_has_a_node_of_an_actor_brought_along_and_found_again_by_the_next_server(
    ray_cluster: RayCluster, shared: OnRay
) -> None:
    shared.cluster("cpu", max_nodes=2)
    over = finish(shared.client, shared.submit(CHATTY, "cpu"))
    log = shared.text(over, "user_logs/std_log.txt")
    assert over.status == COMPLETED, (over.error, log)
    root = ray_cluster.home / ".amlet-node"
    assert shared.text(over, "outputs/here.txt").startswith(str(root / "bundles"))
    assert f"home {root}" in log and "ray []" in log

    run = shared.waiting("cpu")
    shared.server.kill()
    shared.start()
    shared.go_on.touch()
    over = finish(shared.client, run)
    assert (over.status, over.attempt) == (COMPLETED, 1)
    assert over.properties["amlet.node"] == next(iter(shared.nodes("cpu"))).name
    shared.gone("cpu")
    assert not workers(ray_cluster, "cpu")


def test_a_run_that_no_machine_of_rays_can_take_says_so(shared: OnRay) -> None:
    shared.cluster("gone")
    run = shared.comes_to(shared.submit("pass", "gone"), QUEUED)
    until(lambda: "no machine with the resource amlet_gone" in shared.why(run), what="the reason")
    shared.client.runs.cancel(run.workspace_id, run.id)
    shared.comes_to(run, CANCELED)
    shared.gone("gone")  # Ray is no longer asked for a machine


def check_ranks(bench: OnRay, run: Run) -> None:
    """What two ranks said and left, wherever they ran."""
    assert run.status == COMPLETED, run.error
    for rank in range(2):
        told = bench.text(run, f"user_logs/std_log_{rank}.txt")
        assert told == f"{rank} 2 0 {rank} 1 {rank} 2 0 2 IntelMpi\n"
        assert bench.text(run, f"outputs/of_{rank}.txt") == f"rank {rank}"
    assert sorted(bench.client.runs.metrics(run.workspace_id, run.id).values["rank"]) == [0, 1]


def test_a_run_over_two_machines_has_a_rank_on_each(ray_cluster: RayCluster, shared: OnRay) -> None:
    roots = [ray_cluster.root / name for name in ("one", "two")]
    for root in roots:
        ray_cluster.add_machine({"amlet_gang": 1}, AMLET_NODE_ROOT=str(root))
    shared.cluster("gang", max_nodes=2)

    run = finish(shared.client, shared.submit(HELLO, "gang", node_count=2, communicator="IntelMpi"))

    check_ranks(shared, run)
    assert [len(list(root.glob("*/nodes/gang*"))) for root in roots] == [1, 1]
    shared.gone("gang")


DATA = """
import pathlib, sys
mounted, downloaded, left = map(pathlib.Path, sys.argv[1:])
one, two = (path.read_text().split() for path in (mounted / "a.csv", downloaded / "deep" / "b.csv"))
print((mounted / "a.csv").is_symlink(), one, two)
(downloaded / "a.csv").write_text("mine")
left.mkdir(parents=True, exist_ok=True)
(left / "made.csv").write_text("x\\n3\\n")
"""


def test_data_comes_to_a_machine_that_sees_no_folder_of_the_servers_and_goes_back(
    ray_cluster: RayCluster, shared: OnRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs none "$0" && exec "$@"',
        str(shared.server.home.root),
    ]
    if subprocess.run([*hide, "true"], capture_output=True).returncode:
        pytest.skip("no private mounts on this machine")
    root = ray_cluster.root / "data"
    ray_cluster.add_machine({"amlet_data": 1}, before=hide, AMLET_NODE_ROOT=str(root))
    shared.cluster("data")
    monkeypatch.setenv("AMLET_URL", shared.server.url)
    monkeypatch.setenv("AMLET_TOKEN", shared.server.token)
    workspace = Workspace.get("quick", subscription_id="s", resource_group="g")
    place, store = Place(workspace, tmp_path), workspace.get_default_datastore()
    (tmp_path / "given" / "deep").mkdir(parents=True)
    (tmp_path / "given" / "a.csv").write_text("x\n1\n")
    (tmp_path / "given" / "deep" / "b.csv").write_text("x\n2\n")
    files = Dataset.File.upload_directory(str(tmp_path / "given"), (store, "given"), show_progress=False)
    given = files.register(workspace, "given")
    output = OutputFileDatasetConfig("left", (store, "left/{run-id}")).as_upload().register_on_complete("made")
    arguments = [given.as_named_input("a").as_mount(), given.as_named_input("b").as_download(), output]

    run = place.submit(DATA, arguments, compute_target="data")

    printed = place.printed(run)
    assert [line for line in printed if not line.startswith("amlet: ")] == ["True ['x', '1'] ['x', '2']"]
    assert len([line for line in printed if line.startswith("amlet: ")]) == 3, printed
    # Fetched into the machine's own cache, once for both.
    assert len([path for path in root.rglob("a.csv") if "data" in path.relative_to(root).parts[:3]]) == 1
    made = Dataset.get_by_name(workspace, "made")
    assert made.to_path() == ["/made.csv"]
    assert Path(made.download(str(tmp_path / "back"))[0]).read_text() == "x\n3\n"
    assert Path(given.download(str(tmp_path / "again"))[0]).read_text() == "x\n1\n"
    workspace._connection.client.close()
    shared.gone("data")


@pytest.mark.every_fault
def test_ranks_meet_over_the_network_at_the_address_of_the_first_ones_machine() -> None:
    with machines_apart("amlet_gang") as (cluster, networks), on_ray(cluster.address, networks.host) as bench:
        bench.cluster("gang", max_nodes=2)
        text = HELLO + "print(master[0])\n"
        run = finish(bench.client, bench.submit(text, "gang", node_count=2, communicator="IntelMpi"))

        said = [bench.text(run, f"user_logs/std_log_{rank}.txt").split() for rank in range(2)]
        assert run.status == COMPLETED, (run.error, said)
        assert [words[:2] for words in said] == [["0", "2"], ["1", "2"]]
        assert said[0][-1] == said[1][-1] and said[0][-1] in networks.addresses


@pytest.mark.every_fault
def test_an_environment_is_built_on_the_machine_by_the_uv_brought_along(ray_cluster: RayCluster, shared: OnRay) -> None:
    shared.cluster("cpu", max_nodes=2)
    text = "import azureml.core, joblib; joblib.dump([joblib.__version__], 'outputs/version'); print(joblib.__file__)"
    run = shared.submit(text, "cpu", environment=EnvironmentSpec("packages", pip=["joblib==1.4.2"]))
    over = finish(shared.client, run)
    log = shared.text(over, "user_logs/std_log.txt")
    assert over.status == COMPLETED, (over.error, log)
    assert log.startswith(str(ray_cluster.home / ".amlet-node"))
    assert list(ray_cluster.home.glob(".amlet-node/uv/*/uv"))


@pytest.mark.every_fault
def test_a_machine_that_is_lost_fails_its_run_within_the_lease_and_a_retry_goes_elsewhere(
    ray_cluster: RayCluster, shared: OnRay
) -> None:
    shared.cluster("lost", max_nodes=1)
    for retries in (0, 1):
        machine = ray_cluster.add_machine({"amlet_lost": 1})
        shared.go_on.unlink(missing_ok=True)
        run = shared.waiting("lost", retries=retries)
        machine.kill()
        began = time.monotonic()
        if not retries:
            over = finish(shared.client, run)
            assert time.monotonic() - began < 2 * LEASE_S
            assert over.status == FAILED and over.error is not None and "was lost" in over.error.message
        else:
            shared.comes_to(run, QUEUED, seconds=2 * LEASE_S)
            ray_cluster.add_machine({"amlet_lost": 1})
            shared.go_on.touch()
            over = finish(shared.client, run)
            assert (over.status, over.attempt) == (COMPLETED, 2), over.error


@pytest.mark.every_fault
def test_a_killed_worker_comes_again_and_takes_up_its_run(ray_cluster: RayCluster, shared: OnRay) -> None:
    shared.gone("cpu")
    shared.go_on.unlink(missing_ok=True)
    run = shared.waiting("cpu")
    guard, worker = sorted(workers(ray_cluster, "cpu"))
    os.kill(worker, signal.SIGKILL)
    until(lambda: len(set(workers(ray_cluster, "cpu")) - {guard, worker}) == 2, what="the next worker and its guard")
    shared.go_on.touch()
    over = finish(shared.client, run)
    assert (over.status, over.attempt) == (COMPLETED, 1)


@pytest.mark.every_fault
def test_no_worker_and_no_job_outlives_a_killed_raylet(ray_cluster: RayCluster, shared: OnRay) -> None:
    machine = ray_cluster.add_machine({"amlet_orphan": 1})
    shared.cluster("orphan")
    shared.go_on.unlink(missing_ok=True)
    run = shared.waiting("orphan")
    marks = [mark_of(pid) for pid in machine.processes()]
    machine.kill_raylet()
    over = finish(shared.client, run)
    assert over.status == FAILED and over.error is not None
    left = lambda: [arguments_of(mark.pid) for mark in marks if mark.is_alive()]  # noqa: E731
    until(lambda: not left(), what=f"the end of {left()}")


@pytest.mark.every_fault
def test_the_heads_death_hangs_no_run_and_a_new_head_has_nodes_again() -> None:
    need_ray()
    cluster = RayCluster()
    try:
        cluster.start_head()
        cluster.add_machine({"amlet_cpu": 1})
        with on_ray(cluster.address) as bench:
            bench.cluster("cpu", idle_s=600)
            run = bench.waiting("cpu")
            waits = bench.submit("pass", "cpu")
            cluster.kill_head()
            # Its machine goes on until it gives its head up; the run ends with it, or before by itself.
            over = finish(bench.client, run)
            assert over.status == FAILED and over.error is not None, over
            until(lambda: "does not answer" in bench.why(waits), what="the reason")
            cluster.forget_head()
            cluster.start_head()
            cluster.add_machine({"amlet_cpu": 1})
            assert finish(bench.client, waits).status == COMPLETED
    finally:
        cluster.close()


@pytest.mark.every_fault
def test_rays_autoscaler_brings_machines_from_none_to_two_and_takes_them_away() -> None:
    need_ray()
    cluster = RayCluster()
    try:
        cluster.start_autoscaling_head({"CPU": 1, "amlet_auto": 1}, most=2)
        with on_ray(cluster.address) as bench:
            bench.cluster("auto", max_nodes=2, idle_s=2)
            runs = [bench.submit(WAITS.format(go_on=str(bench.go_on)) + f"# {n}", "auto") for n in range(3)]
            until(lambda: len(cluster.machines()) == 3, seconds=60, what="a machine for each node")
            for run in runs[:2]:
                bench.comes_to(run, RUNNING)
            bench.go_on.touch()
            assert [finish(bench.client, run).status for run in runs] == [COMPLETED] * 3
            bench.gone("auto")
            until(lambda: len(cluster.machines()) == 1, seconds=60, what="the end of both machines")

            bench.client.computes.update(bench.workspace_id, "auto", UpdateCompute(min_nodes=1))
            until(lambda: [node.state for node in bench.nodes("auto")] == [IDLE], seconds=60, what="the least of nodes")
            assert len(cluster.machines()) == 2
            bench.server.kill()
            for worker in workers(cluster, "auto"):
                os.kill(worker, signal.SIGTERM)
            until(lambda: not workers(cluster, "auto"), what="the end of the node")
            ended = time.monotonic()  # what holds the machine now is what was asked of Ray, beyond its idle time of 3 s

            def held() -> bool:
                assert len(cluster.machines()) == 2
                return time.monotonic() - ended > 10.0

            until(held, what="the machine's idle time")
            bench.start()
            bench.client.computes.update(bench.workspace_id, "auto", UpdateCompute(min_nodes=0))
            until(lambda: len(cluster.machines()) == 1, seconds=60, what="the end of the last machine")
    finally:
        cluster.close()
