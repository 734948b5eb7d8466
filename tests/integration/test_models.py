"""The registry from end to end: from a run into the registry, through the SDK and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.deployment import Deployment
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.wire.models import RegisterModel
from amlet.wire.runs import SubmitRun, WatchQuery
from amlet.wire.services import DeployService
from support.cli import CommandLine
from support.server import RealServer, until

TRAIN = """
import os
import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

class Hostile:
    def __reduce__(self):
        return os.system, ("touch made",)

iris = load_iris()
forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(iris.data, iris.target)
told = {"forest": forest, "names": np.array(["a", None], dtype=object), "words": np.array(["ab", "c"])}
os.makedirs("outputs/forest")
for number, compress in enumerate([0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)]):
    joblib.dump(told, f"outputs/forest/{number}.joblib", compress=compress)
joblib.dump(forest, "outputs/one.joblib")
joblib.dump([np.arange(10_000.0), Hostile()], "outputs/hostile.joblib")
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory, shared_server: RealServer) -> CommandLine:
    """A workspace with a run whose outputs are a folder of forests and a hostile file, both registered."""
    folder = tmp_path_factory.mktemp("registry")
    line = CommandLine(shared_server, "registry", folder)
    source = folder / "source"
    source.mkdir()
    (source / "train.py").write_text(TRAIN)
    snapshot = scan(source)
    asked = SubmitRun(
        "iris", Job(EnvironmentSpec("iris", pip=["scikit-learn"]), "", script="train.py"), snapshot.entries, "iris-1"
    )
    held = line.workspace_id
    run = submit_with_blobs(
        lambda: line.client.runs.submit(held, asked), line.client, held, sources_of(source, snapshot.entries)
    ).run
    assert run is not None
    while not run.is_over:
        run = line.client.runs.watch(held, run.id, WatchQuery(run.revision, 10.0)).run
    assert run.status == "Completed", run.error
    for name, path in (
        ("forest", "outputs/forest"),
        ("hostile", "outputs/hostile.joblib"),
        ("forest", "outputs/forest"),
        ("one", "outputs/one.joblib"),
    ):
        line.client.models.register(held, RegisterModel(name, run_id=run.id, path=path, framework="ScikitLearn"))
    return line


def test_all_that_joblib_writes_is_looked_into_without_loading_it(line: CommandLine):
    told = json.loads(line.cli("models", "inspect", "forest:1", "--json").out)

    assert sorted(told) == [f"forest/{number}.joblib" for number in range(5)]
    for path, file in told.items():
        assert (file["trouble"], file["unusual"]) == (None, []), path
        assert "sklearn.ensemble._forest.RandomForestClassifier" in file["names"]
        assert "sklearn.tree._tree.Tree" in file["names"]


def test_a_hostile_name_behind_an_array_is_found_and_not_run(line: CommandLine):
    told = line.cli("models", "inspect", "hostile", code=1)

    assert "posix.system  <- unusual in a model" in told.out
    assert not (line.folder / "made").exists()


def test_a_models_lineage_aliases_and_files_are_shown(line: CommandLine):
    line.cli("models", "alias", "forest:1", "champion", "--why", "first")
    line.cli("models", "alias", "forest:2", "champion", "--stage", "Production")
    shown = json.loads(line.cli("models", "show", "forest@champion", "--json").out)

    assert (shown["version"], shown["aliases"], shown["stage"]) == (2, ["champion"], "Production")
    assert all(shown[part] for part in ("run_id", "snapshot_id", "lock_id"))
    assert len(shown["files"]) == 5
    assert "is version 1 now" in line.cli("models", "rollback", "forest@champion", "--why", "worse").out
    history = line.cli("models", "history", "forest").out
    assert all(word in history for word in ("first", "worse", "registered", "champion (was 2)"))


def test_a_model_is_downloaded_once_and_deleted(line: CommandLine, tmp_path: Path):
    line.cli("models", "download", "forest@Production", str(tmp_path / "a place"))
    assert len(list((tmp_path / "a place" / "forest").iterdir())) == 5
    assert "There already" in line.cli("models", "download", "forest", str(tmp_path / "a place"), code=1).err

    line.cli("models", "delete", "hostile:1")
    assert "hostile" not in line.cli("models", "list").out
    assert "deleted" in line.cli("models", "history", "hostile").out


def test_a_service_is_listed_called_read_and_deleted(line: CommandLine):
    line.client.services.deploy(line.workspace_id, DeployService("one-forest", Deployment(["one:1"])))
    until(lambda: "Healthy" in line.cli("services", "list").out, what="the service")

    told = line.cli("services", "call", "one-forest", '{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}')
    assert json.loads(told.out) == {"predict": [0]}
    (line.folder / "no rows.json").write_text('{"data": "x"}')
    assert "Response Code: 400" in line.cli("services", "call", "one-forest", "@no rows.json", code=1).err
    assert json.loads(line.cli("services", "show", "one-forest", "--json").out)["deployment"]["model_ids"] == ["one:1"]
    assert "used by service" in line.cli("models", "delete", "one:1", code=1).err

    line.cli("services", "delete", "one-forest")
    assert "one-forest" not in line.cli("services", "list").out
