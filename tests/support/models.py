"""A trained and deployed model of iris, over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.deployment import Deployment
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.job import Job
from amlet.wire.models import RegisterModel
from amlet.wire.runs import SubmitRun, WatchQuery
from amlet.wire.services import DeployService
from amlet.wire.workspaces import EnsureWorkspace
from support.server import RealServer

TRAIN = """
import joblib
from sklearn import datasets
from sklearn.svm import SVC

iris = datasets.load_iris()
joblib.dump(SVC().fit(iris.data, iris.target), "outputs/model.joblib")
"""


class Served(NamedTuple):
    workspace_id: str
    model_id: str


def deploy_iris(server: RealServer, folder: Path, name: str) -> Served:
    """Train, register and deploy; the service may still be on its way."""
    client = server.client()
    workspace = client.workspaces.ensure(EnsureWorkspace("s", "g", "services")).workspace
    (folder / "train.py").write_text(TRAIN)
    snapshot = scan(folder)
    job = Job(EnvironmentSpec("iris", pip=["scikit-learn"]), "", script="train.py")
    asked = SubmitRun("iris", job, snapshot.entries, f"iris-{name}")
    answer = submit_with_blobs(
        lambda: client.runs.submit(workspace.id, asked), client, workspace.id, sources_of(folder, snapshot.entries)
    )
    run = answer.run
    assert run is not None
    while not run.is_over:
        run = client.runs.watch(workspace.id, run.id, WatchQuery(run.revision, 10.0)).run
    assert run.status == "Completed", run.error
    registered = client.models.register(
        workspace.id,
        RegisterModel("iris", run_id=run.id, path="outputs/model.joblib", framework="ScikitLearn"),
    ).model
    assert registered is not None
    client.services.deploy(workspace.id, DeployService(name, Deployment([registered.id])))
    return Served(workspace.id, registered.id)
