"""The contract of the records, which every database keeps."""

from __future__ import annotations

import math
import re
import threading
from concurrent.futures import Future, wait
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amlet.base.errors import AmletError, Conflict, InvalidInput, NotFound, Unavailable
from amlet.base.hashing import sha256_bytes
from amlet.domain.artifact import BlobLocation, Entry, tree_of
from amlet.domain.compute import ComputeTarget, Node
from amlet.domain.deployment import Autoscale, Capture, Deployment
from amlet.domain.environment import FAILED, QUEUED, EnvironmentBuild, EnvironmentSpec, Lock, Package, lock_of
from amlet.domain.job import Share
from amlet.domain.metric import LIST, ROW, SCALAR, TABLE, Point
from amlet.domain.model import Alias, DatasetUse, Event, Model, Resources
from amlet.domain.run import (
    COMPLETED,
    PREPARING,
    RUNNING,
    PastAttempt,
    RunError,
    RunWarning,
    Stage,
)
from amlet.domain.service import HEALTHY, Revision, Service
from amlet.domain.workspace import Experiment
from amlet.store.base import (
    FileRecord,
    LeaseRecord,
    ModelFilter,
    ModelSearch,
    Records,
    RunFilter,
    ServiceRecord,
    Transaction,
)
from support.records import HARD_TEXTS, JOB, NOW, add_run, later, run_of, workspace, write

# Workspaces and experiments


def test_a_workspace_is_found_by_its_three_names_and_by_its_id(records: Records) -> None:
    assert records.read(lambda tx: tx.workspaces.find("sub", "group", "demo")) == workspace()
    assert records.read(lambda tx: tx.workspaces.get("w")) == workspace()
    assert records.read(lambda tx: tx.workspaces.find("sub", "other", "demo")) is None


def test_an_unknown_workspace_is_not_found(records: Records) -> None:
    with pytest.raises(NotFound, match="nope"):
        records.read(lambda tx: tx.workspaces.get("nope"))


def test_a_workspace_of_the_same_three_names_is_a_conflict(records: Records) -> None:
    with pytest.raises(Conflict, match="demo"):
        write(records, lambda tx: tx.workspaces.add(workspace(id="other")))


def test_workspaces_are_listed_oldest_first(records: Records) -> None:
    older = workspace("w0", "older")._replace(created=later(-10))
    write(records, lambda tx: tx.workspaces.add(older))
    assert [item.id for item in records.read(lambda tx: tx.workspaces.list())] == ["w0", "w"]


def test_experiments_belong_to_their_workspace(records: Records) -> None:
    iris = Experiment("e1", "w", "iris", NOW)
    write(records, lambda tx: tx.experiments.add(iris))
    assert records.read(lambda tx: tx.experiments.find("w", "iris")) == iris
    assert records.read(lambda tx: tx.experiments.find("w2", "iris")) is None
    assert records.read(lambda tx: tx.experiments.list("w")) == [iris]
    with pytest.raises(Conflict, match="iris"):
        write(records, lambda tx: tx.experiments.add(iris._replace(id="e2")))


def test_an_experiment_keeps_tags_is_archived_and_deleted(records: Records) -> None:
    iris = Experiment("e1", "w", "iris", NOW, {"a": None})
    wine = Experiment("e2", "w", "wine", NOW)
    write(records, lambda tx: (tx.experiments.add(iris), tx.experiments.add(wine)))
    assert records.read(lambda tx: tx.experiments.find("w", "iris")) == iris
    changed = iris._replace(tags={"a": "ü'", "b": "2"}, archived=later(5))
    write(records, lambda tx: tx.experiments.save(changed))
    assert records.read(lambda tx: tx.experiments.list("w")) == [changed, wine]
    with pytest.raises(NotFound, match="nope"):
        write(records, lambda tx: tx.experiments.save(iris._replace(name="nope")))
    write(records, lambda tx: tx.experiments.delete("w", "iris"))
    write(records, lambda tx: tx.experiments.delete("w", "iris"))
    assert records.read(lambda tx: tx.experiments.list("w")) == [wine]


def test_what_refers_to_an_unknown_workspace_is_refused(records: Records) -> None:
    with pytest.raises(NotFound):
        write(records, lambda tx: tx.experiments.add(Experiment("e", "nowhere", "iris", NOW)))


# Blobs and trees


def test_missing_blobs_come_in_the_order_asked_each_once(records: Records) -> None:
    digests = [sha256_bytes(bytes([number % 256, number // 256])) for number in range(1200)]
    held = [BlobLocation(digest, 5) for digest in digests[::2]]
    write(records, lambda tx: tx.blobs.add(held))
    asked = [*digests, *digests[:10]]
    assert records.read(lambda tx: tx.blobs.missing(asked)) == digests[1::2]
    assert records.read(lambda tx: tx.blobs.missing([])) == []


def test_a_blob_that_is_there_keeps_its_place(records: Records) -> None:
    first = BlobLocation("a" * 64, 5, pack="p" * 64, offset=7)
    write(records, lambda tx: tx.blobs.add([first]))
    write(records, lambda tx: tx.blobs.add([BlobLocation("a" * 64, 5), BlobLocation("b" * 64, 1 << 40)]))
    found = records.read(lambda tx: tx.blobs.locate(["a" * 64, "b" * 64, "c" * 64]))
    assert found == {"a" * 64: first, "b" * 64: BlobLocation("b" * 64, 1 << 40)}


def test_adding_no_blobs_changes_nothing(records: Records) -> None:
    write(records, lambda tx: tx.blobs.add([]))
    assert records.read(lambda tx: tx.blobs.locate([])) == {}


def test_a_tree_comes_back_and_adding_it_again_changes_nothing(records: Records) -> None:
    tree = tree_of([Entry(f"föld er/{n}.py", sha256_bytes(b"%d" % n), n, n % 2 == 0) for n in range(500)])
    write(records, lambda tx: tx.trees.add(tree))
    write(records, lambda tx: tx.trees.add(tree))
    assert records.read(lambda tx: tx.trees.get(tree.id)) == tree
    with pytest.raises(NotFound, match="nope"):
        records.read(lambda tx: tx.trees.get("nope"))


HOUR = timedelta(hours=1)


def blob(letter: str, pack: str | None = None) -> BlobLocation:
    return BlobLocation(letter * 64, 5, pack and pack * 64)


def test_blobs_of_files_snapshots_and_models_are_referred_to(records: Records) -> None:
    add_run(records, "r1")
    snapshot, sources, model = (tree_of([Entry("a.py", letter * 64, 5)]) for letter in "abc")
    job = JOB._replace(snapshot_id=snapshot.id)
    interactive = run_of("r3", properties={"ContentSnapshotId": sources.id})

    def work(tx: Transaction) -> None:
        tx.blobs.add([blob(letter) for letter in "abcdef"], NOW)
        for tree in (snapshot, sources, model):
            tx.trees.add(tree)
        tx.runs.add(run_of("r2"), job, "")
        tx.runs.add(interactive, None, "")
        tx.models.add(model_of(1, tree_id=model.id))
        tx.files.put("w", "r1", [FileRecord("outputs/d", 5, "d" * 64, None)])

    write(records, work)
    assert write(records, lambda tx: tx.blobs.unreferenced(NOW + HOUR)) == [blob("e"), blob("f")]


def test_blobs_and_trees_go_when_what_refers_to_them_goes_and_they_are_old_enough(records: Records) -> None:
    tree = tree_of([Entry("a.py", "a" * 64, 5)])
    write(records, lambda tx: tx.blobs.add([blob("a"), blob("b")]))
    write(records, lambda tx: tx.trees.add(tree))
    write(records, lambda tx: tx.runs.add(run_of("r1"), JOB._replace(snapshot_id=tree.id), ""))
    now = datetime.now(timezone.utc)
    assert write(records, lambda tx: tx.blobs.unreferenced(now - HOUR)) == []
    assert write(records, lambda tx: tx.blobs.unreferenced(now + HOUR)) == [blob("b")]
    write(records, lambda tx: tx.runs.delete("w", "r1"))
    assert write(records, lambda tx: tx.blobs.unreferenced(now - HOUR)) == []
    assert records.read(lambda tx: tx.trees.get(tree.id)) == tree
    assert write(records, lambda tx: tx.blobs.unreferenced(now + HOUR)) == [blob("a"), blob("b")]
    with pytest.raises(NotFound):
        records.read(lambda tx: tx.trees.get(tree.id))


def test_a_blob_that_is_sent_again_is_young_again(records: Records) -> None:
    write(records, lambda tx: tx.blobs.add([blob("a")], NOW))
    write(records, lambda tx: tx.blobs.add([blob("a")], NOW + HOUR))
    assert write(records, lambda tx: tx.blobs.unreferenced(NOW + HOUR)) == []


def test_a_pack_goes_with_the_last_of_its_members(records: Records) -> None:
    write(records, lambda tx: tx.blobs.add([blob("a", "1"), blob("b", "1"), blob("c", "2"), blob("d")]))
    assert write(records, lambda tx: tx.blobs.forget(["a" * 64, "c" * 64, "d" * 64, "9" * 64])) == ["2" * 64]
    assert records.read(lambda tx: tx.blobs.locate(["a" * 64, "b" * 64, "d" * 64])) == {"b" * 64: blob("b", "1")}
    assert write(records, lambda tx: tx.blobs.forget(["b" * 64])) == ["1" * 64]
    assert write(records, lambda tx: tx.blobs.forget([])) == []


def test_more_blobs_than_fit_in_one_query_are_forgotten(records: Records) -> None:
    digests = [sha256_bytes(b"%d" % number) for number in range(1200)]
    held = [BlobLocation(digest, 5, digests[number // 2]) for number, digest in enumerate(digests)]
    write(records, lambda tx: tx.blobs.add(held, NOW))
    assert {location.sha256 for location in write(records, lambda tx: tx.blobs.unreferenced(later(1)))} == set(digests)
    assert sorted(write(records, lambda tx: tx.blobs.forget(digests))) == sorted(digests[:600])


# Environments and locks


def test_environment_versions_are_listed_oldest_first_and_the_last_is_the_latest(records: Records) -> None:
    specs = [EnvironmentSpec("sk learn", version=v, pip=[f"numpy=={v}"]) for v in ("9", "10", "2")]
    for spec in specs:
        write(records, lambda tx, spec=spec: tx.environments.add("w", spec, NOW))
    assert records.read(lambda tx: tx.environments.versions("w", "sk learn")) == specs
    assert records.read(lambda tx: tx.environments.get("w", "sk learn", None)) == specs[-1]
    assert records.read(lambda tx: tx.environments.get("w", "sk learn", "10")) == specs[1]
    assert records.read(lambda tx: tx.environments.get("w", "sk learn", "11")) is None
    assert records.read(lambda tx: tx.environments.versions("w", "other")) == []


def test_the_latest_environments_are_one_a_name_by_name(records: Records) -> None:
    for name, version in (("b", "1"), ("a", "1"), ("b", "2")):
        spec = EnvironmentSpec(name, version=version)
        write(records, lambda tx, spec=spec: tx.environments.add("w", spec, NOW))
    found = records.read(lambda tx: tx.environments.latest("w"))
    assert [(spec.name, spec.version) for spec in found] == [("a", "1"), ("b", "2")]


def test_builds_are_active_until_they_are_over_and_keep_their_logs_number(records: Records) -> None:
    spec = EnvironmentSpec("a", pip=["numpy"])
    first, second = (
        EnvironmentBuild(name, "w", spec, False, QUEUED, None, None, later(n), None) for n, name in enumerate("yx")
    )
    for number, build in enumerate((second, first)):
        write(records, lambda tx, build=build, number=number: tx.environment_builds.save(build, number))
    assert records.read(lambda tx: tx.environment_builds.active()) == [(first, 1), (second, 0)]
    over = first._replace(status=FAILED, error="why", ended=later(5))
    write(records, lambda tx: tx.environment_builds.save(over, 1))
    assert records.read(lambda tx: tx.environment_builds.active()) == [(second, 0)]
    assert records.read(lambda tx: tx.environment_builds.find("w", "y")) == (over, 1)
    assert records.read(lambda tx: tx.environment_builds.find("v", "y")) is None


def test_an_environment_version_is_registered_once(records: Records) -> None:
    spec = EnvironmentSpec("a", version="1")
    write(records, lambda tx: tx.environments.add("w", spec, NOW))
    with pytest.raises(Conflict, match="version 1"):
        write(records, lambda tx: tx.environments.add("w", spec, NOW))
    with pytest.raises(InvalidInput):
        write(records, lambda tx: tx.environments.add("w", spec._replace(version=None), NOW))


def make_lock(text: str = "numpy==1.19.5 --hash=sha256:00", notes: list[str] | None = None) -> Lock:
    return lock_of("3.8", "linux-x86_64", text, [Package("numpy", "1.19.5")], as_of="2020-10-15", notes=notes)


def test_a_lock_is_found_by_its_id_and_by_what_resolved_to_it(records: Records) -> None:
    lock = make_lock(notes=["azureml-defaults was left out."])
    write(records, lambda tx: tx.locks.add(lock, "content"))
    assert records.read(lambda tx: tx.locks.get(lock.id)) == lock
    assert records.read(lambda tx: tx.locks.resolved("content", "linux-x86_64")) == lock
    assert records.read(lambda tx: tx.locks.resolved("content", "linux-aarch64")) is None
    assert records.read(lambda tx: tx.locks.get("nope")) is None


def test_a_later_lock_takes_the_place_of_what_a_spec_resolved_to(records: Records) -> None:
    older, newer = make_lock(), make_lock("numpy==1.20 --hash=sha256:11")
    write(records, lambda tx: tx.locks.add(older, "content"))
    write(records, lambda tx: tx.locks.add(newer, "content"))
    assert records.read(lambda tx: tx.locks.resolved("content", "linux-x86_64")) == newer
    assert records.read(lambda tx: tx.locks.get(older.id)) == older


def test_two_specs_that_come_to_one_lock_keep_their_own_notes(records: Records) -> None:
    one, other = make_lock(notes=["one"]), make_lock(notes=["other"])._replace(as_of=None)
    write(records, lambda tx: tx.locks.add(one, "one"))
    write(records, lambda tx: tx.locks.add(other, "other"))
    assert records.read(lambda tx: tx.locks.resolved("one", "linux-x86_64")) == one
    assert records.read(lambda tx: tx.locks.resolved("other", "linux-x86_64")) == other


# Compute targets and nodes


def target_of(name: str, **changes: Any) -> ComputeTarget:
    made = ComputeTarget("w", name, "AmlCompute", "STANDARD_D2_V2", "dedicated", 0, 4, 120, None, {}, "l", NOW, NOW)
    return made._replace(**changes)


def test_a_compute_target_is_saved_found_replaced_and_deleted(records: Records) -> None:
    write(records, lambda tx: tx.computes.save(target_of("cpu")))
    changed = target_of("cpu", max_nodes=8, tags={"a": "b"}, description="ü", modified=later(1))
    write(records, lambda tx: tx.computes.save(changed))
    assert records.read(lambda tx: tx.computes.find("w", "cpu")) == changed
    write(records, lambda tx: tx.computes.delete("w", "cpu"))
    write(records, lambda tx: tx.computes.delete("w", "cpu"))
    assert records.read(lambda tx: tx.computes.find("w", "cpu")) is None


def test_compute_targets_are_listed_by_name_for_one_or_all_workspaces(records: Records) -> None:
    write(records, lambda tx: tx.workspaces.add(workspace("v", "second")))
    for target in (target_of("b"), target_of("a"), target_of("c", workspace_id="v")):
        write(records, lambda tx, target=target: tx.computes.save(target))
    assert [target.name for target in records.read(lambda tx: tx.computes.list("w"))] == ["a", "b"]
    assert [target.name for target in records.read(lambda tx: tx.computes.list())] == ["c", "a", "b"]


def test_a_secret_is_kept_by_name_within_its_workspace(records: Records) -> None:
    write(records, lambda tx: tx.secrets.save("w", "a", "sealed"))
    write(records, lambda tx: tx.secrets.save("w", "a", "sealed again"))
    assert records.read(lambda tx: tx.secrets.find("w", "a")) == "sealed again"
    assert records.read(lambda tx: tx.secrets.find("other", "a")) is None
    write(records, lambda tx: tx.secrets.delete("w", "a"))
    assert records.read(lambda tx: tx.secrets.find("w", "a")) is None


def test_a_node_is_saved_found_replaced_listed_and_deleted(records: Records) -> None:
    first = Node("n1", "local", Share(2, 1 << 33), NOW, None)
    other = Node("n2", "w/cpu", Share(1, 1 << 30), later(1), NOW, seen=NOW, leaving=True)
    write(records, lambda tx: (tx.nodes.save(other), tx.nodes.save(first)))
    seen = first._replace(idle_since=later(2), seen=later(3))
    write(records, lambda tx: tx.nodes.save(seen))
    assert records.read(lambda tx: tx.nodes.find("n1")) == seen
    assert records.read(lambda tx: tx.nodes.list()) == [seen, other]
    assert records.read(lambda tx: tx.nodes.list("w/cpu")) == [other]
    write(records, lambda tx: tx.nodes.delete("n1"))
    assert records.read(lambda tx: tx.nodes.find("n1")) is None


# Runs


def test_a_run_comes_back_whole_with_its_job(records: Records) -> None:
    added = add_run(
        records,
        "r1",
        "submission",
        tags={"a": None, "ü'\"": "x\ny"},
        properties={"p": "\udce4 lone"},
        stages=[Stage("submit", NOW, later(1)), Stage("prepare", later(1), detail="cache hit")],
        warnings=[RunWarning("journal", "the disk is full")],
        error=RunError("UserError", "m", "ValueError", "trace", 1),
        waiting_for="a node",
        lock_id="lock",
        started=later(2),
        ended=later(3),
        revision=4,
        name="run_1",
        description="what it\nis for",
        parent_id="r0",
        parameters={"kernel": "rbf", "C": "0.5"},
        trashed=later(9),
        past=[PastAttempt(1, "n1", later(1), later(2), RunError("SystemError", "lost"))],
        again_at=later(8),
    )
    assert added.number == 1
    assert records.read(lambda tx: tx.runs.get("w", "r1")) == added
    assert records.read(lambda tx: tx.runs.find("w", "r1")) == added
    assert records.read(lambda tx: tx.runs.submitted("w", "submission")) == added
    assert records.read(lambda tx: tx.runs.job("w", "r1")) == JOB


def test_an_unknown_run_is_none_or_not_found(records: Records) -> None:
    assert records.read(lambda tx: tx.runs.find("w", "nope")) is None
    assert records.read(lambda tx: tx.runs.submitted("w", "nope")) is None
    for work in (
        lambda tx: tx.runs.get("w", "nope"),
        lambda tx: tx.runs.job("w", "nope"),
        lambda tx: tx.runs.save(run_of("nope")),
        lambda tx: tx.files.put("w", "nope", []),
        lambda tx: tx.files.open_log("w", "nope", "a"),
        lambda tx: tx.metrics.add("w", "nope", "j", 0, []),
    ):
        with pytest.raises(NotFound, match="nope"):
            write(records, work)


def test_a_run_id_or_a_submission_is_recorded_once(records: Records) -> None:
    add_run(records, "r1", "submission")
    with pytest.raises(Conflict, match="r1"):
        add_run(records, "r1", "another")
    with pytest.raises(Conflict, match="submission"):
        add_run(records, "r2", "submission")
    assert records.read(lambda tx: tx.runs.find("w", "r2")) is None


def test_run_ids_and_submissions_of_two_workspaces_do_not_meet(records: Records) -> None:
    write(records, lambda tx: tx.workspaces.add(workspace("v", "second")))
    add_run(records, "r1", "submission")
    assert add_run(records, "r1", "submission", workspace_id="v").number == 1


def test_runs_are_numbered_within_their_experiment(records: Records) -> None:
    numbers = [add_run(records, f"r{n}", experiment=name).number for n, name in enumerate(("a", "a", "b", "a"))]
    assert numbers == [1, 2, 1, 3]


def test_saving_a_run_replaces_it_and_its_revision_grows_by_one(records: Records) -> None:
    run = add_run(records, "r1")
    changed = run._replace(status=RUNNING, tags={"a": "b"}, attempt=1, started=later(1))
    saved = write(records, lambda tx: tx.runs.save(changed))
    assert saved == changed._replace(revision=1)
    stale = write(records, lambda tx: tx.runs.save(changed))
    assert stale.revision == 2
    assert records.read(lambda tx: tx.runs.get("w", "r1")) == stale


def test_pages_go_through_all_runs_newest_first(records: Records) -> None:
    for number in range(7):
        add_run(records, f"r{number}")
    seen: list[str] = []
    cursor = None
    sizes = []
    while True:
        chosen = RunFilter(limit=3, before=cursor)
        page, cursor = records.read(lambda tx, chosen=chosen: tx.runs.page("w", chosen))
        sizes.append(len(page))
        seen += [run.id for run in page]
        if cursor is None:
            break
    assert seen == [f"r{number}" for number in reversed(range(7))]
    assert sizes == [3, 3, 1]


def test_a_last_page_that_is_just_full_has_no_next(records: Records) -> None:
    for number in range(3):
        add_run(records, f"r{number}")
    page, cursor = records.read(lambda tx: tx.runs.page("w", RunFilter(limit=3)))
    assert (len(page), cursor) == (3, None)


def test_pages_are_restricted_by_experiment_and_status(records: Records) -> None:
    add_run(records, "r1", experiment="a")
    add_run(records, "r2", experiment="a", status=COMPLETED)
    add_run(records, "r3", experiment="b", status=COMPLETED)

    def ids(**chosen: Any) -> list[str]:
        return [run.id for run in records.read(lambda tx: tx.runs.page("w", RunFilter(**chosen)))[0]]

    assert ids(experiment="a") == ["r2", "r1"]
    assert ids(status=COMPLETED) == ["r3", "r2"]
    assert ids(experiment="a", status=COMPLETED) == ["r2"]
    assert records.read(lambda tx: tx.runs.page("elsewhere", RunFilter())) == ([], None)


def test_runs_with_a_status_come_oldest_first_over_all_workspaces_or_of_one_pool(records: Records) -> None:
    write(records, lambda tx: tx.workspaces.add(workspace("v", "second")))
    add_run(records, "r1", status=RUNNING)
    add_run(records, "r2", status=PREPARING, workspace_id="v", target="cpu")
    add_run(records, "r3", status=COMPLETED)
    add_run(records, "r4", status=RUNNING, target="cpu")
    wanted = [RUNNING, PREPARING]
    assert [run.id for run in records.read(lambda tx: tx.runs.with_status(wanted))] == ["r1", "r2", "r4"]
    assert [run.id for run in records.read(lambda tx: tx.runs.with_status(wanted, "v/cpu"))] == ["r2"]
    assert records.read(lambda tx: tx.runs.with_status([])) == []


def lease_of(run_id: str, node: str = "n1", **changes: Any) -> LeaseRecord:
    return LeaseRecord("w", run_id, 1, node, "local", NOW)._replace(**changes)


def _first(records: Records, pool: str = "local") -> str | None:
    turn = records.read(lambda tx: tx.queue.first(pool))
    return turn.run.id if turn is not None else None


def _queue(records: Records, run_id: str, priority: int = 0, **changes: Any) -> None:
    run = add_run(records, run_id, **changes)
    write(records, lambda tx: tx.queue.put(run, priority))


def test_the_queue_is_first_come_and_keeps_pools_apart(records: Records) -> None:
    for number in (1, 2, 3):
        _queue(records, f"r{number}")
    _queue(records, "r4", target="cpu")
    assert (_first(records), _first(records, "w/cpu"), _first(records, "w/other")) == ("r1", "r4", None)
    assert records.read(lambda tx: tx.queue.waiting("local", 2)) == 2
    assert records.read(lambda tx: tx.queue.waiting("local", 9)) == 3
    write(records, lambda tx: tx.queue.remove("w", "r1"))
    write(records, lambda tx: tx.queue.remove("w", "r1"))
    assert _first(records) == "r2"


def test_a_run_that_comes_back_into_the_queue_has_the_place_of_its_submission(records: Records) -> None:
    for number in (1, 2):
        _queue(records, f"r{number}")
    write(records, lambda tx: tx.queue.remove("w", "r1"))
    write(records, lambda tx: tx.queue.put(tx.runs.get("w", "r1"), 0))
    write(records, lambda tx: tx.queue.put(tx.runs.get("w", "r1"), 0))
    assert _first(records) == "r1"
    assert records.read(lambda tx: tx.queue.ahead("w", "local", ["r1", "r2", "r3"])) == {"r1": 0, "r2": 1}


def test_a_run_that_is_deleted_leaves_the_queue(records: Records) -> None:
    _queue(records, "r1")
    write(records, lambda tx: tx.runs.delete("w", "r1"))
    assert _first(records) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    waiting=st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 4)), min_size=1, max_size=14),
    going=st.lists(st.integers(0, 4), max_size=5),
)
def test_the_queue_goes_by_priority_then_by_turns_between_experiments_then_first_come(
    records: Records, waiting: list[tuple[int, int]], going: list[int]
) -> None:
    salt = len(records.read(lambda tx: tx.runs.with_status(["Queued", RUNNING])))
    pool, target = f"w/cpu{salt}", f"cpu{salt}"
    for number, experiment in enumerate(going):
        add_run(records, f"g{salt}.{number}", status=RUNNING, target=target, experiment=f"e{experiment}")
        held = lease_of(f"g{salt}.{number}", node=f"n{salt}.{number}", pool=pool)
        write(records, lambda tx, held=held: tx.leases.save(held))
    left = []
    for number, (priority, experiment) in enumerate(waiting):
        run_id = f"q{salt}.{number}"
        _queue(records, run_id, priority, target=target, experiment=f"e{experiment}")
        left.append((priority, experiment, number, run_id))
    counts = [going.count(experiment) for experiment in range(5)]
    ids = [run_id for *_, run_id in left]
    places = records.read(lambda tx: tx.queue.ahead("w", pool, ids))

    order = []
    while left:
        expected = min(left, key=lambda item: (-item[0], counts[item[1]], item[2]))
        assert _first(records, pool) == expected[3]
        left.remove(expected)
        order.append(expected[3])
        counts[expected[1]] += 1
        held = lease_of(expected[3], node=f"n{expected[3]}", pool=pool)
        write(records, lambda tx, held=held: (tx.queue.remove("w", held.run_id), tx.leases.save(held)))

    assert sorted(ids, key=places.__getitem__) == order
    assert sorted(places.values()) == list(range(len(ids)))


def test_resting_runs_are_those_with_a_time_to_come_back(records: Records) -> None:
    add_run(records, "r1")
    add_run(records, "r2", again_at=later(9))
    add_run(records, "r3", again_at=later(5))
    assert [run.id for run in records.read(lambda tx: tx.runs.resting())] == ["r3", "r2"]


def test_files_and_metrics_take_other_names_and_journals_are_forgotten(records: Records) -> None:
    add_run(records, "r1")
    write(records, lambda tx: tx.files.open_log("w", "r1", "user_logs/a.txt"))
    point = Point("loss", "scalar", 1.0, None, 1.0)
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 7, [point, point._replace(name="AUC")]))
    write(records, lambda tx: tx.files.rename("w", "r1", {"user_logs/a.txt": "user_logs/attempt_1/a.txt"}))
    write(records, lambda tx: tx.metrics.rename("w", "r1", {"loss": "attempt_1/loss"}))
    write(records, lambda tx: tx.metrics.forget_journals("w", "r1"))
    write(records, lambda tx: tx.metrics.rename("w", "r1", {}))
    assert [file.path for file in records.read(lambda tx: tx.files.list("w", "r1"))] == ["user_logs/attempt_1/a.txt"]
    assert sorted(records.read(lambda tx: tx.metrics.points("w", "r1"))) == ["AUC", "attempt_1/loss"]
    assert records.read(lambda tx: tx.metrics.drained("w", "r1", "j")) == 0


def test_a_run_without_a_job_says_so(records: Records) -> None:
    write(records, lambda tx: tx.runs.add(run_of("r1"), None, ""))
    assert records.read(lambda tx: tx.runs.get("w", "r1")).number == 1
    with pytest.raises(NotFound, match="interactive"):
        records.read(lambda tx: tx.runs.job("w", "r1"))


def test_children_are_those_of_children_too_oldest_first(records: Records) -> None:
    write(records, lambda tx: tx.workspaces.add(workspace("v", "second")))
    for run_id, parent in (("p", None), ("a", "p"), ("b", "a"), ("c", "p"), ("d", "other"), ("e", "b")):
        add_run(records, run_id, parent_id=parent)
    add_run(records, "x", parent_id="p", workspace_id="v")
    assert [run.id for run in records.read(lambda tx: tx.runs.children("w", "p"))] == ["a", "b", "c", "e"]
    assert [run.id for run in records.read(lambda tx: tx.runs.children("w", "a"))] == ["b", "e"]
    assert records.read(lambda tx: tx.runs.children("w", "e")) == []


def test_runs_that_are_each_others_children_come_once(records: Records) -> None:
    add_run(records, "a", parent_id="b")
    add_run(records, "b", parent_id="a")
    assert [run.id for run in records.read(lambda tx: tx.runs.children("w", "a"))] == ["a", "b"]


def test_a_run_is_in_the_trash_from_its_time_on_and_in_no_page_but_that_of_the_trash(records: Records) -> None:
    add_run(records, "r1", status=COMPLETED)
    run = add_run(records, "r2", status=COMPLETED)
    write(records, lambda tx: tx.runs.save(run._replace(trashed=later(5))))

    def ids(**chosen: Any) -> list[str]:
        return [run.id for run in records.read(lambda tx: tx.runs.page("w", RunFilter(**chosen)))[0]]

    assert ids() == ["r1"]
    assert ids(status=COMPLETED, recursive=True) == ["r1"]
    assert ids(trashed=True) == ["r2"]
    assert records.read(lambda tx: tx.runs.get("w", "r2")).trashed == later(5)
    assert records.read(lambda tx: tx.runs.trashed_before(later(5))) == []
    assert [run.id for run in records.read(lambda tx: tx.runs.trashed_before(later(6)))] == ["r2"]
    back = records.read(lambda tx: tx.runs.get("w", "r2"))
    write(records, lambda tx: tx.runs.save(back._replace(trashed=None)))
    assert ids() == ["r2", "r1"]


def test_a_deleted_run_leaves_nothing_of_itself(records: Records) -> None:
    add_run(records, "r1", "submission", tags={"a": "1"}, parameters={"C": "1"})
    kept = add_run(records, "r2", tags={"a": "1"})
    logs = [write(records, lambda tx, n=n: tx.files.open_log("w", "r1", f"logs/{n}")).log for n in range(2)]
    write(records, lambda tx: tx.files.put("w", "r1", [FileRecord("outputs/a", 1, "a" * 64, None)]))
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 10, [scalar("a", n) for n in range(5000)]))
    write(records, lambda tx: tx.leases.save(lease_of("r1")))
    assert write(records, lambda tx: tx.runs.delete("w", "r1")) == logs
    assert records.read(lambda tx: tx.runs.find("w", "r1")) is None
    assert records.read(lambda tx: tx.runs.submitted("w", "submission")) is None
    assert records.read(lambda tx: tx.leases.find("w", "r1")) is None
    assert records.read(lambda tx: tx.runs.page("w", RunFilter(tags={"a": "1"})))[0] == [kept]
    again = add_run(records, "r1")
    assert again.number == 3
    assert records.read(lambda tx: tx.files.list("w", "r1")) == []
    assert records.read(lambda tx: tx.metrics.points("w", "r1")) == {}
    assert records.read(lambda tx: tx.metrics.drained("w", "r1", "j")) == 0
    with pytest.raises(NotFound, match="nope"):
        write(records, lambda tx: tx.runs.delete("w", "nope"))


# Leases


def test_a_lease_takes_the_place_of_an_earlier_one_of_its_run(records: Records) -> None:
    add_run(records, "r1")
    write(records, lambda tx: tx.leases.save(lease_of("r1")))
    second = lease_of("r1", "n2", attempt=2, expires=later(5))
    write(records, lambda tx: tx.leases.save(second))
    assert records.read(lambda tx: tx.leases.find("w", "r1")) == second
    assert records.read(lambda tx: tx.leases.of_node("n1")) == []
    assert records.read(lambda tx: tx.leases.of_node("n2")) == [second]
    write(records, lambda tx: tx.leases.end("w", "r1"))
    write(records, lambda tx: tx.leases.end("w", "r1"))
    assert records.read(lambda tx: tx.leases.find("w", "r1")) is None


def test_a_lease_has_expired_from_its_time_on(records: Records) -> None:
    for number in range(3):
        add_run(records, f"r{number}")
        lease = lease_of(f"r{number}", expires=later(number), pool="local" if number else "w/cpu")
        write(records, lambda tx, lease=lease: tx.leases.save(lease))
    expired = records.read(lambda tx: tx.leases.expired(later(1)))
    assert [lease.run_id for lease in expired] == ["r0", "r1"]
    assert [lease.run_id for lease in records.read(lambda tx: tx.leases.of_pool("w/cpu"))] == ["r0"]


def test_a_lease_needs_a_run(records: Records) -> None:
    with pytest.raises(NotFound):
        write(records, lambda tx: tx.leases.save(lease_of("nope")))


# Files


def test_files_are_put_replaced_found_and_listed_by_path(records: Records) -> None:
    add_run(records, "r1")
    b, a = FileRecord("outputs/b", 1, "b" * 64, None), FileRecord("outputs/a", 1 << 40, "a" * 64, None)
    write(records, lambda tx: tx.files.put("w", "r1", [b, a]))
    changed = b._replace(size_bytes=9, sha256="c" * 64)
    write(records, lambda tx: tx.files.put("w", "r1", [changed]))
    write(records, lambda tx: tx.files.put("w", "r1", []))
    assert records.read(lambda tx: tx.files.list("w", "r1")) == [a, changed]
    assert records.read(lambda tx: tx.files.find("w", "r1", "outputs/b")) == changed
    assert records.read(lambda tx: tx.files.find("w", "r1", "outputs/c")) is None
    assert records.read(lambda tx: tx.runs.get("w", "r1")).revision == 0


def test_a_log_is_opened_once_and_has_a_number_of_its_own(records: Records) -> None:
    add_run(records, "r1")
    opened = write(records, lambda tx: tx.files.open_log("w", "r1", "logs/a"))
    other = write(records, lambda tx: tx.files.open_log("w", "r1", "logs/b"))
    free = write(records, lambda tx: tx.files.new_log())
    assert (opened.size_bytes, opened.sha256) == (0, None)
    assert len({opened.log, other.log, free}) == 3
    grown = opened._replace(size_bytes=5)
    write(records, lambda tx: tx.files.put("w", "r1", [grown]))
    assert write(records, lambda tx: tx.files.open_log("w", "r1", "logs/a")) == grown
    assert records.read(lambda tx: tx.files.find("w", "r1", "logs/a")) == grown


# Metrics


def scalar(name: str, value: Any, step: int | None = None, time_s: float = 1.5) -> Point:
    return Point(name, SCALAR, value, step, time_s)


def same(left: Any, right: Any) -> bool:
    """Equal in value and in type, NaN to NaN and -0.0 to -0.0 alone."""
    return repr(left) == repr(right)


def test_points_come_back_in_order_by_metric_in_the_order_of_the_first(records: Records) -> None:
    add_run(records, "r1")
    first = [scalar("z", 1.0), scalar("a", 1), scalar("z", 2.0, step=3)]
    then = [scalar("m", True), scalar("a", 2)]
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 10, first))
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 20, then))
    found = records.read(lambda tx: tx.metrics.points("w", "r1"))
    assert list(found) == ["z", "a", "m"]
    assert found == {"z": [first[0], first[2]], "a": [first[1], then[1]], "m": [then[0]]}
    assert records.read(lambda tx: tx.metrics.points("w", "r1", "a")) == {"a": found["a"]}
    assert records.read(lambda tx: tx.metrics.points("w", "r1", "b")) == {}
    assert records.read(lambda tx: tx.metrics.points("w", "other")) == {}


def test_the_drained_offset_moves_with_the_points(records: Records) -> None:
    add_run(records, "r1")
    assert records.read(lambda tx: tx.metrics.drained("w", "r1", "j")) == 0
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 10, [scalar("a", 1)]))
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 1 << 40, []))
    assert records.read(lambda tx: tx.metrics.drained("w", "r1", "j")) == 1 << 40
    assert records.read(lambda tx: tx.metrics.drained("w", "r1", "other")) == 0


def test_an_offset_below_the_stored_one_changes_nothing(records: Records) -> None:
    add_run(records, "r1")
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 20, [scalar("a", 1)]))
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 10, [scalar("a", 1)]))
    assert records.read(lambda tx: tx.metrics.drained("w", "r1", "j")) == 20
    assert len(records.read(lambda tx: tx.metrics.points("w", "r1"))["a"]) == 1


def test_points_that_are_undone_leave_the_offset_where_it_was(records: Records) -> None:
    add_run(records, "r1")

    def fails(tx: Transaction) -> None:
        tx.metrics.add("w", "r1", "j", 10, [scalar("a", 1)])
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write(records, fails)
    assert records.read(lambda tx: tx.metrics.drained("w", "r1", "j")) == 0
    assert records.read(lambda tx: tx.metrics.points("w", "r1")) == {}


@pytest.mark.parametrize("batch", [1000, 4096, 5000, 10_000])
def test_points_beyond_one_chunk_stay_in_order(records: Records, batch: int) -> None:
    add_run(records, "r1")
    points = [scalar("loss", 1 / (number + 1), number, number / 8) for number in range(10_000)]
    for start in range(0, len(points), batch):
        part = points[start : start + batch]
        write(records, lambda tx, part=part, end=start + batch: tx.metrics.add("w", "r1", "j", end, part))
    assert records.read(lambda tx: tx.metrics.points("w", "r1"))["loss"] == points


def test_more_metrics_than_fit_in_one_query_are_kept(records: Records) -> None:
    add_run(records, "r1")
    for offset in (10, 20):
        points = [scalar(f"m{number}", number + offset) for number in range(1200)]
        write(records, lambda tx, points=points, offset=offset: tx.metrics.add("w", "r1", "j", offset, points))
    found = records.read(lambda tx: tx.metrics.points("w", "r1"))
    assert list(found) == [f"m{number}" for number in range(1200)]
    assert [point.value for point in found["m7"]] == [17, 27]


@pytest.mark.parametrize("name", [*HARD_TEXTS, "", "\ud83d lone surrogate"])
def test_metric_names_are_kept_as_given(records: Records, name: str) -> None:  # v1-behaviours 4.7
    add_run(records, "r1")
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 1, [scalar(name, 1), scalar(name + " ", 2)]))
    assert list(records.read(lambda tx: tx.metrics.points("w", "r1"))) == [name, name + " "]
    assert [point.value for point in records.read(lambda tx: tx.metrics.points("w", "r1", name))[name]] == [1]


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "So"]), max_size=5).filter(
        lambda text: not re.search("[\ud800-\udbff][\udc00-\udfff]", text)  # JSON reads such a pair as one character
    ),
)
rows = st.dictionaries(st.text(max_size=8), scalars, max_size=4)
tables = st.dictionaries(st.text(max_size=8), st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=3)
values = st.one_of(
    st.tuples(st.just(SCALAR), scalars),
    st.tuples(st.just(LIST), st.lists(scalars, max_size=5)),
    st.tuples(st.just(ROW), rows),
    st.tuples(st.just(TABLE), tables),
)
steps = st.one_of(st.none(), st.integers())
times = st.floats(min_value=0, max_value=4e9)
metric_points = st.builds(
    lambda name, value, step, time_s: Point(name, value[0], value[1], step, time_s),
    st.sampled_from(["a", "b "]),
    values,
    steps,
    times,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(metric_points, max_size=8), min_size=1, max_size=3))
def test_every_kind_of_value_makes_the_round_trip(records: Records, batches: list[list[Point]]) -> None:
    run_id = f"r{records.read(lambda tx: len(tx.runs.page('w', RunFilter(limit=10_000))[0]))}"
    add_run(records, run_id)
    expected: dict[str, list[Point]] = {}
    for number, batch in enumerate(batches):
        write(records, lambda tx, batch=batch, number=number: tx.metrics.add("w", run_id, "j", number, batch))
        for point in batch:
            expected.setdefault(point.name, []).append(point)
    assert same(records.read(lambda tx: tx.metrics.points("w", run_id)), expected)


def test_a_value_that_json_cannot_hold_is_refused_and_nothing_is_kept(records: Records) -> None:
    add_run(records, "r1")
    for bad in (scalar("a", {1, 2}), scalar("a", 1)._replace(kind="picture")):
        with pytest.raises(InvalidInput):
            write(records, lambda tx, bad=bad: tx.metrics.add("w", "r1", "j", 1, [scalar("a", 1), bad]))
    assert records.read(lambda tx: tx.metrics.points("w", "r1")) == {}


def test_a_summary_tells_first_last_least_and_greatest_number(records: Records) -> None:
    add_run(records, "r1")
    batches = (
        [scalar("a", math.nan), scalar("a", "text"), scalar("a", True), scalar("b", "x"), scalar("a", 5, step=1)],
        [scalar("a", -2.5, step=7), scalar("a", math.inf), scalar("a", None), scalar("a", 3)],
    )
    for offset, batch in enumerate(batches):
        write(records, lambda tx, batch=batch, offset=offset: tx.metrics.add("w", "r1", "j", offset, batch))
    a, b = records.read(lambda tx: tx.metrics.summaries("w", "r1"))
    assert (a.name, a.kind, a.points) == ("a", SCALAR, 8)
    assert (a.first, a.last, a.min, a.max, a.last_step) == (None, 3.0, -2.5, math.inf, 7)
    assert (b.name, b.points, b.first, b.last, b.min, b.max, b.last_step) == ("b", 1, None, None, None, None, None)


def test_a_summary_whose_last_number_is_nan_has_no_last(records: Records) -> None:
    add_run(records, "r1")
    points = [scalar("a", 1), scalar("a", math.nan), Point("l", LIST, [1, 2], None, 0.0), scalar("h", 10**400)]
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 1, points))
    a, listed, huge = records.read(lambda tx: tx.metrics.summaries("w", "r1"))
    assert (a.first, a.last, a.min, a.max) == (1.0, None, 1.0, 1.0)
    assert (listed.kind, listed.points, listed.last) == (LIST, 1, None)
    assert huge.last == math.inf


def test_the_first_summaries_of_a_run_are_those_of_its_first_metrics(records: Records) -> None:
    add_run(records, "r1")
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 1, [scalar(name, 1) for name in "zxy"]))
    assert [found.name for found in records.read(lambda tx: tx.metrics.summaries("w", "r1", 2))] == ["z", "x"]


def test_named_metrics_are_found_in_the_runs_that_have_them(records: Records) -> None:
    for number, names in enumerate((["a", "\ud800"], ["b"], [], ["a"])):
        add_run(records, f"r{number}")
        write(
            records,
            lambda tx, number=number, names=names: tx.metrics.add(
                "w", f"r{number}", "j", 1, [scalar(name, number) for name in names]
            ),
        )
    found = records.read(lambda tx: tx.metrics.named("w", ["r0", "r1", "r2", "none"], ["a", "\ud800", "c"]))
    assert {run: {name: summary.last for name, summary in held.items()} for run, held in found.items()} == {
        "r0": {"a": 0.0, "\ud800": 0.0}
    }
    assert records.read(lambda tx: tx.metrics.named("w", [], ["a"])) == {}
    many = [f"m{number}" for number in range(1_200)]
    assert records.read(lambda tx: tx.metrics.named("w", many, [*many, "a"])) == {}


@pytest.mark.parametrize(
    ("start", "count", "found"),
    [
        (0, 3, [0, 1, 2]),
        (4_094, 4, [4_094, 4_095, 4_096, 4_097]),
        (8_198, 10, [8_198, 8_199]),
        (8_200, 5, []),
        (3, 0, []),
    ],
)
def test_a_stretch_of_a_metrics_points_goes_over_chunks(
    start: int, count: int, found: list[int], records: Records
) -> None:
    add_run(records, "r1")
    write(records, lambda tx: tx.metrics.add("w", "r1", "j", 1, [scalar("a", number) for number in range(8_200)]))
    points = records.read(lambda tx: tx.metrics.stretch("w", "r1", "a", start, count))
    assert [point.value for point in points] == found
    assert records.read(lambda tx: tx.metrics.stretch("w", "r1", "b", start, count)) == []


# Models


def model_of(version: int, name: str = "iris", **changes: Any) -> Model:
    made = Model("w", name, version, "tree", None, None, None, None, None, None, {}, {}, None, 10, NOW)
    return made._replace(**changes)


def test_a_model_comes_back_whole(records: Records) -> None:
    model = model_of(
        1,
        framework="ScikitLearn",
        framework_version="0.22",
        run_id="r",
        experiment="iris",
        lock_id="l",
        description="ü",
        tags={"a": None},
        properties={"b": "c"},
        resources=Resources(cpu=0.5, memory_gb=1),
    )
    write(records, lambda tx: tx.models.add(model))
    assert records.read(lambda tx: tx.models.find("w", "iris", 1)) == model


def test_no_model_version_is_given_twice_even_after_a_delete(records: Records) -> None:
    for wanted in (1, 2):
        version = write(records, lambda tx: tx.models.next_version("w", "iris"))
        assert version == wanted
        write(records, lambda tx, version=version: tx.models.add(model_of(version)))
    write(records, lambda tx: tx.models.delete("w", "iris", 2))
    write(records, lambda tx: tx.models.delete("w", "iris", 1))
    assert write(records, lambda tx: tx.models.next_version("w", "iris")) == 3
    assert write(records, lambda tx: tx.models.next_version("w", "other")) == 1


def test_versions_go_on_from_a_model_that_was_added_with_its_own(records: Records) -> None:
    write(records, lambda tx: tx.models.add(model_of(7)))
    assert write(records, lambda tx: tx.models.next_version("w", "iris")) == 8


def test_a_model_version_is_added_once(records: Records) -> None:
    write(records, lambda tx: tx.models.add(model_of(1)))
    with pytest.raises(Conflict, match="version 1"):
        write(records, lambda tx: tx.models.add(model_of(1)))


def test_models_are_found_and_listed_newest_first(records: Records) -> None:
    for model in (
        model_of(9, framework="Onnx"),
        model_of(10, run_id="r"),
        model_of(1, "wine", framework="Onnx"),
    ):
        write(records, lambda tx, model=model: tx.models.add(model))
    latest = records.read(lambda tx: tx.models.find("w", "iris", None))
    assert latest is not None
    assert latest.version == 10
    assert records.read(lambda tx: tx.models.find("w", "iris", 3)) is None

    def ids(**chosen: Any) -> list[str]:
        return [model.id for model in records.read(lambda tx: tx.models.list("w", ModelFilter(**chosen)))]

    assert ids() == ["wine:1", "iris:10", "iris:9"]
    assert ids(name="iris") == ["iris:10", "iris:9"]
    assert ids(name="iris", version=9) == ["iris:9"]
    assert ids(run_id="r") == ["iris:10"]
    assert ids(framework="Onnx") == ["wine:1", "iris:9"]
    assert ids(latest=True) == ["wine:1", "iris:10"]


def test_the_newest_of_each_model_is_searched_and_paged(records: Records) -> None:
    for number in range(5):
        write(records, lambda tx, number=number: tx.models.add(model_of(1, f"m{number}", framework="Onnx")))
    write(records, lambda tx: tx.models.add(model_of(2, "m1", tags={"Team": "visiön", "100%": None})))

    def page(**chosen: Any) -> tuple[list[str], int | None]:
        found, following = records.read(lambda tx: tx.models.page("w", ModelSearch(**chosen)))
        return [model.id for model in found], following

    assert page() == (["m1:2", "m4:1", "m3:1", "m2:1", "m0:1"], None)
    first, place = page(limit=2)
    second, further = page(limit=2, before=place)
    assert (first, second, page(limit=2, before=further)) == (["m1:2", "m4:1"], ["m3:1", "m2:1"], (["m0:1"], None))
    assert page(framework="Onnx")[0] == ["m4:1", "m3:1", "m2:1", "m0:1"]  # what the newest version says
    for text in ("VISI team", "visiön", "100%", "M1"):
        assert page(text=text)[0] == ["m1:2"], text
    for text in ("vision", "1%0", "m_", "onnx m1"):
        assert page(text=text)[0] == [], text


def test_models_made_with_a_dataset_are_found(records: Records) -> None:
    write(records, lambda tx: tx.models.add(model_of(1, datasets=[DatasetUse("training", "d1")])))
    write(records, lambda tx: tx.models.add(model_of(2)))
    found = records.read(lambda tx: tx.models.list("w", ModelFilter(dataset_id="d1")))
    assert [model.version for model in found] == [1]


def test_what_is_said_of_a_model_is_replaced(records: Records) -> None:
    for version in (1, 2):
        write(records, lambda tx, version=version: tx.models.add(model_of(version)))
    changed = model_of(1, tags={"a": "ü"}, stage="Production", sample_input="d", parent_id="iris:2", created_by="ann")
    write(records, lambda tx: tx.models.save(changed))
    assert records.read(lambda tx: tx.models.find("w", "iris", 1)) == changed
    assert records.read(lambda tx: tx.models.find("w", "iris", 2)) == model_of(2)


def test_an_alias_stands_for_one_version_until_it_is_taken_away_or_its_version_goes(records: Records) -> None:
    write(records, lambda tx: tx.models.add(model_of(1)))
    for alias, version in (("b", 1), ("a", 1), ("b", 2), ("c", 1), ("c", None)):
        write(records, lambda tx, alias=alias, version=version: tx.models.set_alias("w", "iris", alias, version))
    assert records.read(lambda tx: tx.models.aliases("w", "iris")) == [Alias("a", 1), Alias("b", 2)]
    assert records.read(lambda tx: tx.models.aliases("w", "wine")) == []
    write(records, lambda tx: tx.models.delete("w", "iris", 1))
    assert records.read(lambda tx: tx.models.aliases("w", "iris")) == [Alias("b", 2)]


def test_a_models_history_comes_back_newest_first(records: Records) -> None:
    events = [Event(later(at), "alias set", at, "champion", "ann", why, at - 1) for at, why in ((1, None), (2, "ü"))]
    for event in events:
        write(records, lambda tx, event=event: tx.models.note("w", "iris", event))
    assert records.read(lambda tx: tx.models.history("w", "iris")) == events[::-1]
    assert records.read(lambda tx: tx.models.history("w", "wine")) == []


# Services


def service_of(name: str, **changes: Any) -> ServiceRecord:
    made = Service("w", name, HEALTHY, Deployment(["iris:1"]), 1, None, None, "up", None, None, {}, {}, NOW, NOW, 0)
    return ServiceRecord(made._replace(**changes), None, None, 3)


def test_saving_a_service_makes_or_replaces_it_and_its_changes_grow_by_one(records: Records) -> None:
    made = write(records, lambda tx: tx.services.save(service_of("iris")))
    assert made.service.changes == 1
    changed = service_of(
        "iris",
        address="http://127.0.0.1:6789",
        deployment=Deployment(
            ["iris:1", "wine:2"],
            kind="aks",
            entry_script="score.py",
            source_id="t1",
            environment=EnvironmentSpec("env", pip=["numpy"]),
            resources=Resources(1, 2.5, 0),
            autoscale=Autoscale(1, 3),
            capture=Capture(inputs=True, share=0.5),
            details={"ssl": {"cname": "a"}},
        ),
        error="trace",
        tags={"a": None},
        updated=later(1),
        traffic=40,
        is_default=True,
        processes=2,
    )._replace(node="n1", port=6789, earlier=Revision(1, Deployment(["iris:1"]), "l1"), is_proven=True)
    saved = write(records, lambda tx: tx.services.save(changed))
    assert saved == changed._replace(service=changed.service._replace(changes=2))
    assert records.read(lambda tx: tx.services.find("w", "iris")) == saved


def test_services_are_listed_by_name_and_deleted(records: Records) -> None:
    for name in ("b", "a"):
        write(records, lambda tx, name=name: tx.services.save(service_of(name)))
    assert [record.service.name for record in records.read(lambda tx: tx.services.list("w"))] == ["a", "b"]
    write(records, lambda tx: tx.services.delete("w", "a"))
    assert [record.service.name for record in records.read(lambda tx: tx.services.list())] == ["b"]
    assert records.read(lambda tx: tx.services.find("w", "a")) is None


def test_versions_of_an_endpoint_stand_beside_it(records: Records) -> None:
    for version in ("", "green", "blue"):
        write(records, lambda tx, version=version: tx.services.save(service_of("iris", version=version)))
    write(records, lambda tx: tx.services.delete("w", "iris", "green"))

    assert [held.service.version for held in records.read(lambda tx: tx.services.list("w"))] == ["", "blue"]
    assert records.read(lambda tx: tx.services.find("w", "iris", "blue")) is not None


def test_the_sources_of_services_stay_as_long_as_a_revision_needs_them(records: Records) -> None:
    trees = [tree_of([Entry("score.py", letter * 64, 1)]) for letter in "abc"]
    write(records, lambda tx: tx.blobs.add([BlobLocation(letter * 64, 1) for letter in "abc"], NOW))
    for tree in trees:
        write(records, lambda tx, tree=tree: tx.trees.add(tree))
    first, second = (Deployment([], entry_script="score.py", source_id=tree.id) for tree in trees[:2])
    changed = service_of("iris", deployment=second)._replace(earlier=Revision(1, first, None))
    write(records, lambda tx: tx.services.save(changed))

    after = datetime.now(timezone.utc) + HOUR

    def orphans() -> set[str]:
        return {held.sha256[0] for held in write(records, lambda tx: tx.blobs.unreferenced(after))}

    assert orphans() == {"c"}
    write(records, lambda tx: tx.services.save(changed._replace(earlier=None)))
    assert orphans() == {"a", "c"}
    write(records, lambda tx: tx.services.delete("w", "iris"))
    assert orphans() == {"a", "b", "c"}


# Values


@pytest.mark.parametrize("text", [text for text in HARD_TEXTS if "\x00" not in text])
def test_hard_texts_make_the_round_trip(records: Records, text: str) -> None:
    run = add_run(records, "r1", display_name=text, waiting_for=text, tags={text: text})
    assert records.read(lambda tx: tx.runs.get("w", "r1")) == run


def test_text_that_is_not_unicode_and_numbers_beyond_64_bits_are_refused(records: Records) -> None:
    with pytest.raises(InvalidInput, match="Unicode"):
        add_run(records, "r1", display_name="\ud83d")
    with pytest.raises(InvalidInput, match="64 bits"):
        add_run(records, "r1", attempt=1 << 64)
    assert add_run(records, "r1").number == 1


@given(moment=st.datetimes(timezones=st.just(timezone.utc)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_times_are_exact_to_the_microsecond(records: Records, moment: datetime) -> None:
    write(records, lambda tx: tx.nodes.save(Node("n", "local", Share(1, 1), moment, None)))
    node = records.read(lambda tx: tx.nodes.find("n"))
    assert node is not None
    assert node.started == moment


# Transactions


def test_a_write_gives_back_what_the_work_returned(records: Records) -> None:
    assert write(records, lambda _: {"any": "thing"}) == {"any": "thing"}


def test_a_read_gives_back_what_the_work_returned_and_raises_what_it_raised(records: Records) -> None:
    assert records.read(lambda _: 7) == 7
    with pytest.raises(ZeroDivisionError):
        records.read(lambda _: 1 / 0)
    assert records.read(lambda _: 8) == 8


def test_work_that_reads_cannot_write(records: Records) -> None:
    with pytest.raises(AmletError):
        records.read(lambda tx: tx.workspaces.add(workspace("v", "second")))
    assert len(records.read(lambda tx: tx.workspaces.list())) == 1


def test_work_that_raises_is_undone_alone_among_many_that_wait_together(records: Records) -> None:
    hold, held = threading.Event(), threading.Event()

    def block(_: Transaction) -> None:
        held.set()
        assert hold.wait(30)

    blocked = records.write(block)
    assert held.wait(30)
    futures: list[Future[None]] = []
    for number in range(60):

        def work(tx: Transaction, number: int = number) -> None:
            tx.nodes.save(Node(f"n{number:02}", "local", Share(1, 1), NOW, None))
            if number % 3 == 0:
                raise ValueError(number)

        futures.append(records.write(work))
    hold.set()
    wait([blocked, *futures], timeout=30)
    raised = [number for number, future in enumerate(futures) if isinstance(future.exception(), ValueError)]
    assert raised == list(range(0, 60, 3))
    kept = [node.name for node in records.read(lambda tx: tx.nodes.list())]
    assert kept == [f"n{number:02}" for number in range(60) if number % 3]


def test_work_after_an_error_that_it_caught_goes_on_in_its_transaction(records: Records) -> None:
    def work(tx: Transaction) -> None:
        with pytest.raises(Conflict):
            tx.workspaces.add(workspace("v"))
        tx.nodes.save(Node("n", "local", Share(1, 1), NOW, None))

    write(records, work)
    assert records.read(lambda tx: tx.nodes.find("n")) is not None


def test_works_run_in_the_order_of_the_calls(records: Records) -> None:
    order: list[int] = []
    futures = [records.write(lambda _, number=number: order.append(number)) for number in range(1500)]
    wait(futures, timeout=30)
    assert order == list(range(1500))


def test_eight_threads_that_write_lose_nothing(records: Records) -> None:
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def thread(number: int) -> None:
        try:
            barrier.wait(30)
            for count in range(25):
                add_run(records, f"r{number}-{count}", f"s{number}-{count}")
                assert records.read(lambda tx, c=count: tx.runs.find("w", f"r{number}-{c}")) is not None
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(8)]
    for item in threads:
        item.start()
    for item in threads:
        item.join(60)
    assert failures == []
    runs, _ = records.read(lambda tx: tx.runs.page("w", RunFilter(limit=1000)))
    assert sorted(run.number for run in runs) == list(range(1, 201))


def test_a_read_sees_one_state_while_others_commit(records: Records) -> None:
    def work(tx: Transaction) -> tuple[int, int]:
        before = len(tx.nodes.list())
        write(records, lambda other: other.nodes.save(Node("n", "local", Share(1, 1), NOW, None)))
        return before, len(tx.nodes.list())

    assert records.read(work) == (0, 0)
    assert len(records.read(lambda tx: tx.nodes.list())) == 1


def test_more_readers_than_connections_wait_their_turn(records: Records) -> None:
    barrier = threading.Barrier(30)
    found: list[int] = []

    def thread() -> None:
        barrier.wait(30)
        found.append(records.read(lambda tx: len(tx.workspaces.list())))

    threads = [threading.Thread(target=thread) for _ in range(30)]
    for item in threads:
        item.start()
    for item in threads:
        item.join(30)
    assert found == [1] * 30


def test_listeners_hear_the_touched_topics_after_the_commit_and_only_of_work_that_was_kept(records: Records) -> None:
    heard: list[list[str]] = []
    seen: list[bool] = []
    told = threading.Event()

    def listener(topics: Any) -> None:
        heard.append(list(topics))
        seen.append(records.read(lambda tx: tx.nodes.find("n")) is not None)
        told.set()

    records.on_commit(listener)

    def kept(tx: Transaction) -> None:
        tx.nodes.save(Node("n", "local", Share(1, 1), NOW, None))
        tx.touch("run/r1")
        tx.touch("pool/local")
        tx.touch("run/r1")

    def undone(tx: Transaction) -> None:
        tx.touch("never")
        raise ValueError

    records.write(undone)
    write(records, lambda tx: None)
    records.write(kept)
    assert told.wait(30)
    assert heard == [["run/r1", "pool/local"]]
    assert seen == [True]


def test_a_listener_that_fails_harms_neither_the_others_nor_the_records(records: Records) -> None:
    told = threading.Event()

    def broken(_: Any) -> None:
        raise RuntimeError("broken listener")

    records.on_commit(broken)
    records.on_commit(lambda _: told.set())
    write(records, lambda tx: tx.touch("a"))
    assert told.wait(30)
    assert write(records, lambda _: 1) == 1


def test_work_that_was_canceled_before_its_turn_is_not_run(records: Records) -> None:
    hold, held = threading.Event(), threading.Event()

    def block(_: Transaction) -> None:
        held.set()
        assert hold.wait(30)

    records.write(block)
    assert held.wait(30)
    ran: list[int] = []
    canceled = records.write(lambda _: ran.append(1))
    after = records.write(lambda _: ran.append(2))
    assert canceled.cancel()
    hold.set()
    after.result(30)
    assert ran == [2]


def test_closing_finishes_what_is_queued_and_then_refuses(records: Records) -> None:
    futures = [
        records.write(lambda tx, n=number: tx.nodes.save(Node(f"n{n}", "p", Share(1, 1), NOW, None)))
        for number in range(50)
    ]
    records.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(Unavailable, match="closed"):
        records.write(lambda _: None).result(30)
    with pytest.raises(Unavailable, match="closed"):
        records.read(lambda _: None)
    records.close()


def test_what_a_request_made_is_remembered_once(records: Records) -> None:
    def work(tx: Transaction) -> None:
        tx.requests.add("w", "r1", "1", NOW)
        tx.requests.add("w", "r1", "2", NOW)
        tx.requests.add("w", "", "3", NOW)

    records.write(work).result(10)

    assert records.read(lambda tx: tx.requests.find("w", "r1")) == "1"
    assert records.read(lambda tx: tx.requests.find("w", "")) is None
    assert records.read(lambda tx: tx.requests.find("w", "other")) is None


def test_requests_long_past_are_forgotten(records: Records) -> None:
    records.write(lambda tx: tx.requests.add("w", "old", "1", NOW)).result(10)
    records.write(lambda tx: tx.requests.add("w", "new", "1", NOW + timedelta(days=8))).result(10)

    assert records.read(lambda tx: tx.requests.find("w", "old")) is None
