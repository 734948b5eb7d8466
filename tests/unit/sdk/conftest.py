"""A server that is a plain object: what the SDK's classes ask of a client, answered from lists in memory."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import Conflict, NotFound, StaleAttempt
from amlet.domain import model as models
from amlet.domain import run as runs
from amlet.domain.artifact import tree_of
from amlet.domain.compute import ComputeTarget, NodeCounts
from amlet.domain.deployment import Deployment
from amlet.domain.environment import EnvironmentBuild, EnvironmentSpec, Lock
from amlet.domain.service import HEALTHY, Service
from amlet.domain.workspace import Experiment as ExperimentRecord
from amlet.domain.workspace import Workspace as WorkspaceRecord
from amlet.sdk.connection import Names
from amlet.sdk.experiment import Experiment
from amlet.sdk.workspace import Workspace
from amlet.wire.computes import ComputeNode, ComputeNodes, Computes, ComputeState
from amlet.wire.environments import BuildState, EnvironmentRecord, Environments
from amlet.wire.files import RunFile, SizeAnswer, TreeAnswer
from amlet.wire.models import Aliases, Models, RegisterAnswer
from amlet.wire.runs import Metrics, RunChanges, RunDetails, RunPage, SubmitAnswer
from amlet.wire.runs import Runs as StartedRuns
from amlet.wire.server import Done
from amlet.wire.services import DeployAnswer, ServiceKeys, ServiceQuery, Services, ServiceToken
from amlet.wire.workspaces import Experiments

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)


def a_run(**changes: Any) -> runs.Run:
    """A run's record, running, with these changes."""
    record = runs.Run(
        workspace_id="ws_1",
        id="iris_1732400000_9c2e41ab",
        experiment="iris",
        number=1,
        type=runs.SCRIPT_RUN,
        status=runs.RUNNING,
        display_name="iris_1732400000_9c2e41ab",
        target="local",
        attempt=1,
        tags={},
        properties={"ContentSnapshotId": "11111111-2222-3333-4444-555555555555"},
        stages=[],
        warnings=[],
        error=None,
        waiting_for=None,
        lock_id=None,
        created=NOW,
        started=NOW,
        ended=None,
        revision=1,
    )
    return record._replace(**changes)


class Body:
    """Bytes, as a client's answer gives them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.total_bytes = len(data)

    def read(self) -> bytes:
        return self.data

    def chunks(self, _size: int = 3) -> Any:
        for start in range(0, len(self.data), 3):
            yield self.data[start : start + 3]

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Runs:
    """Runs: `story` is what one watch after the other tells, (record, bytes of files by path)."""

    def __init__(self) -> None:
        self.story: list[tuple[runs.Run, dict[str, bytes]]] = [(a_run(), {})]
        self.submitted: list[Any] = []
        self.values: dict[str, Any] = {}
        self.drained: dict[str, bytes] = {}
        self.handed_in: list[Any] = []
        self.job: Any = None
        self.started: dict[str, runs.Run] = {}
        self.calls: list[tuple[str, str]] = []
        self.queries: list[Any] = []
        self.kept: dict[tuple[str, str], Any] = {}

    @property
    def now(self) -> tuple[runs.Run, dict[str, bytes]]:
        return self.story[0]

    def get(self, _workspace: str, run_id: str, query: Any = None, *, patience_s: Any = None) -> RunDetails:
        if query is not None and query.wait_s and len(self.story) > 1:
            self.story.pop(0)
        if run_id in self.started:
            files = [
                RunFile(entry.path, entry.size_bytes, False) for (run, _), entry in self.kept.items() if run == run_id
            ]
            return RunDetails(self.started[run_id], None, None, files)
        if run_id != self.now[0].id:
            raise NotFound(f"There is no run {run_id}.")
        return RunDetails(self.now[0], self.job, None, self._files())

    def watch(self, _workspace: str, _run: str, query: Any, *, patience_s: Any = None) -> RunChanges:
        if query.after >= self.now[0].revision and len(self.story) > 1:
            self.story.pop(0)
        return RunChanges(self.now[0], self._files())

    def file(self, _workspace: str, run_id: str, query: Any) -> Body:
        held = self.now[1]
        if query.path not in held:
            raise NotFound(f"Run {run_id} has no file {query.path!r}. Its files: {', '.join(held)}.")
        return Body(held[query.path][query.offset :])

    def submit(self, _workspace: str, asked: Any) -> SubmitAnswer:
        self.submitted.append(asked)
        return SubmitAnswer(a_run(experiment=asked.experiment, status=runs.QUEUED), [])

    def list(self, _workspace: str, query: Any) -> RunPage:
        self.queries.append(query)
        found = [self.now[0], *self.started.values()] if query.parent_id is None else list(self.started.values())
        wanted = json.loads(query.tags or "{}")
        chosen = [
            run
            for run in found
            if query.parent_id in (None, run.parent_id)
            and query.status in (None, run.status)
            and all(key in run.tags and value in (None, run.tags[key]) for key, value in wanted.items())
        ]
        return RunPage(chosen, None)

    def start(self, _workspace: str, asked: Any) -> Any:
        for one in asked.runs:
            self.started.setdefault(
                one.run_id,
                a_run(
                    id=one.run_id,
                    experiment=one.experiment,
                    attempt=0,
                    type=None,
                    tags=dict(one.tags),
                    properties={},
                    name=one.name or f"run_{one.run_id}",
                    display_name=one.display_name or one.name or one.run_id,
                    description=one.description,
                    parent_id=one.parent_id,
                    started=one.started or NOW,
                ),
            )
        return StartedRuns([self.started[one.run_id] for one in asked.runs])

    def end(self, _workspace: str, run_id: str, asked: Any) -> runs.Run:
        self.calls.append(("end", run_id))
        held = self.started.get(run_id)
        if held is None:
            raise Conflict(f"Run {run_id} cannot be ended as {asked.outcome}: it ends with its script.")
        if held.is_over and held.status != asked.outcome:
            raise Conflict(f"Run {run_id} cannot be ended as {asked.outcome}: it is {held.status}.")
        for piece in asked.journals:
            known = self.drained.setdefault(piece.journal, b"")
            if piece.offset > len(known):
                raise Conflict(f"Run {run_id} lacks bytes of its journal.")
            self.drained[piece.journal] = known[: piece.offset] + piece.lines.encode("ascii")
        warnings = [*held.warnings, *asked.warnings]
        self.started[run_id] = held._replace(status=asked.outcome, error=asked.error, warnings=warnings)
        return self.started[run_id]

    def update(self, _workspace: str, run_id: str, asked: Any) -> runs.Run:
        self.calls.append(("update", run_id))
        held = self.started.get(run_id) or self.now[0]
        if any(held.properties.get(key, value) != value for key, value in asked.add_properties.items()):
            raise Conflict("Properties are immutable.")
        tags = {key: value for key, value in held.tags.items() if key not in asked.remove_tags}
        changed = held._replace(
            tags={**tags, **asked.set_tags},
            properties={**held.properties, **asked.add_properties},
            display_name=asked.display_name or held.display_name,
            description=asked.description or held.description,
            error=asked.error or held.error,
        )
        if run_id in self.started:
            self.started[run_id] = changed
        else:
            self.story[0] = (changed, self.story[0][1])
        return changed

    def put_snapshot(self, _workspace: str, run_id: str, asked: Any) -> TreeAnswer:
        tree = tree_of(asked.entries)
        held = self.started[run_id]
        self.started[run_id] = held._replace(properties={**held.properties, "ContentSnapshotId": tree.id})
        return TreeAnswer(tree.id, [])

    def metrics(self, _workspace: str, _run: str, query: Any) -> Metrics:
        return Metrics({key: value for key, value in self.values.items() if query.name in (None, key)})

    def cancel(self, _workspace: str, _run: str) -> runs.Run:
        return self.now[0]._replace(status=runs.CANCEL_REQUESTED)

    def drain(self, _workspace: str, _run: str, data: bytes, _size: int, query: Any) -> SizeAnswer:
        self.calls.append(("drain", _run))
        if _run in self.started and self.started[_run].is_over:
            raise StaleAttempt(f"Run {_run} is over.")
        held = self.drained.setdefault(query.journal, b"")
        if query.offset <= len(held):
            self.drained[query.journal] = held + data[len(held) - query.offset :]
        return SizeAnswer(len(self.drained[query.journal]))

    def put_files(self, _workspace: str, _run: str, asked: Any) -> TreeAnswer:
        self.calls.append(("put_files", _run))
        for entry in asked.entries:
            held = self.kept.setdefault((_run, entry.path), entry)
            if held.sha256 != entry.sha256 and not asked.replace:
                raise Conflict(f"Resource Conflict: {entry.path}")
            self.kept[_run, entry.path] = entry
        self.handed_in.append(asked)
        return TreeAnswer(tree_of(asked.entries).id, [])

    def _files(self) -> list[RunFile]:
        return [RunFile(path, len(data), not self.now[0].is_over) for path, data in self.now[1].items()]


class ModelsApi:
    def __init__(self) -> None:
        self.kept: list[models.Model] = []
        self.asked: list[Any] = []
        self.notes: list[str] = []
        self.named: list[tuple[str, models.Alias]] = []
        self.refusal: Exception | None = None
        self.content: dict[str, bytes] = {"model.joblib": b"bytes of a model"}

    def register(self, _workspace: str, asked: Any) -> RegisterAnswer:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(asked)
        version = 1 + sum(model.name == asked.name for model in self.kept)
        made = models.Model(
            "ws_1",
            asked.name,
            version,
            "tree",
            asked.framework,
            asked.framework_version,
            asked.run_id,
            None,
            None,
            asked.description,
            asked.tags,
            asked.properties,
            asked.resources,
            10,
            NOW,
        )
        self.kept.insert(0, made)
        return RegisterAnswer(made, [], self.notes)

    def edit(self, _workspace: str, name: str, version: int, asked: Any) -> models.Model:
        (held,) = [model for model in self.kept if (model.name, model.version) == (name, version)]
        tags = held.tags if asked.tags is None else asked.tags
        changed = held._replace(
            tags={key: value for key, value in {**tags, **asked.add_tags}.items() if key not in asked.remove_tags},
            properties={**held.properties, **asked.add_properties},
            description=asked.description or held.description,
        )
        self.kept[self.kept.index(held)] = changed
        return changed

    def aliases(self, _workspace: str, name: str) -> Aliases:
        return Aliases([alias for model, alias in self.named if model == name])

    def set_alias(self, workspace: str, name: str, asked: Any) -> Aliases:
        self.named.append((name, models.Alias(asked.alias, asked.version)))
        return self.aliases(workspace, name)

    def list(self, _workspace: str, query: Any) -> Models:
        found = [
            model for model in self.kept if query.name in (None, model.name) and query.version in (None, model.version)
        ]
        if query.latest:
            names = [model.name for model in found]
            found = [model for number, model in enumerate(found) if model.name not in names[:number]]
        return Models(found)

    def files(self, _workspace: str, _name: str, _version: int) -> Any:
        from amlet.domain.artifact import Entry

        return tree_of([Entry(path, "0" * 64, len(data)) for path, data in self.content.items()])

    def file(self, _workspace: str, _name: str, _version: int, query: Any) -> Any:
        from http.client import HTTPResponse
        from io import BytesIO

        from amlet.client.body import Body as RealBody

        data = self.content[query.path][query.offset :]

        class Socket:
            def makefile(self, *_: object) -> BytesIO:
                return BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)

        answer = HTTPResponse(Socket())  # type: ignore[arg-type]
        answer.begin()
        return RealBody(answer, "memory", lambda _: None)


def a_service(**changes: Any) -> Service:
    record = Service(
        "ws_1", "iris-service", HEALTHY, Deployment(["iris:1"], kind="aci"), 1, None, "http://127.0.0.1:6789",
        "Answering requests", None, None, {}, {}, NOW, NOW, 1,
    )  # fmt: skip
    return record._replace(**changes)


class ServicesApi:
    def __init__(self) -> None:
        self.story: list[Service] = [a_service()]
        self.deployed: list[Any] = []
        self.updated: list[Any] = []
        self.asked_logs: list[Any] = []
        self.refusal: Exception | None = None
        self.notes: list[str] = []
        self.held_keys = ServiceKeys("first", "second")
        self.versions_held: list[Service] = []

    def deploy(self, _workspace: str, asked: Any) -> DeployAnswer:
        if self.refusal is not None:
            raise self.refusal
        self.deployed.append(asked)
        made = a_service(
            name=asked.name,
            deployment=asked.deployment,
            tags=asked.tags,
            properties=asked.properties,
            description=asked.description,
            version=asked.version,
        )
        if asked.version:
            self.versions_held.append(made)
        else:
            self.story = [made]
        return DeployAnswer(made, [], self.notes)

    def update(self, _workspace: str, name: str, asked: Any) -> DeployAnswer:
        self.updated.append(asked)
        before = self.get("", name, ServiceQuery(version=asked.version))
        told = ("deployment", "tags", "properties", "description")
        changes = {field: getattr(asked, field) for field in told if getattr(asked, field) is not None}
        made = before._replace(**changes, changes=before.changes + 1)
        if asked.version:
            self.versions_held = [made if held.version == asked.version else held for held in self.versions_held]
        else:
            self.story = [made]
        return DeployAnswer(made, [], self.notes)

    def versions(self, _workspace: str, _name: str) -> Services:
        return Services(self.versions_held)

    def keys(self, _workspace: str, _name: str) -> ServiceKeys:
        return self.held_keys

    def regenerate_key(self, _workspace: str, _name: str, asked: Any) -> ServiceKeys:
        self.held_keys = self.held_keys._replace(**{asked.which: asked.key or "another"})
        return self.held_keys

    def token(self, _workspace: str, _name: str) -> ServiceToken:
        return ServiceToken("a-token", NOW, NOW)

    def get(self, _workspace: str, name: str, query: Any = None, *, patience_s: Any = None) -> Service:
        if name != self.story[0].name:
            raise NotFound(f"WebserviceNotFound: Webservice with name {name} not found in this workspace.")
        if query is not None and query.version:
            return next(held for held in self.versions_held if held.version == query.version)
        if query is not None and query.after >= self.story[0].changes and len(self.story) > 1:
            self.story.pop(0)
        return self.story[0]

    def list(self, _workspace: str) -> Services:
        return Services([self.story[0]])

    def logs(self, _workspace: str, _name: str, query: Any, *, patience_s: Any = None) -> Body:
        self.asked_logs.append(query)
        return Body(b"a line\nanother\n")

    def delete(self, _workspace: str, name: str, query: Any = None) -> Done:
        self.get("", name, None)
        self.versions_held = [held for held in self.versions_held if held.version != query.version]
        if not query.version:
            self.story = [a_service(name="another")]
        return Done()


class ComputesApi:
    def __init__(self) -> None:
        self.kept: dict[str, ComputeState] = {}
        self.asked: list[Any] = []
        self.found: list[ComputeNode] = []
        self.story: list[dict[str, Any]] = []
        """Changes of a target's record and nodes, one a look at it."""

    def create(self, _workspace: str, name: str, asked: Any) -> ComputeState:
        target = ComputeTarget(
            "ws_1", name, asked.kind, asked.vm_size, asked.vm_priority, asked.min_nodes, asked.max_nodes,
            asked.idle_s, asked.description, asked.tags, asked.location, NOW, NOW,
            remote=asked.remote, details=asked.details,
        )  # fmt: skip
        self.asked.append(asked)
        self.kept[name] = ComputeState(target, NodeCounts(), asked.min_nodes, "1 cores, 4.0 GB")
        return self.kept[name]

    def get(self, _workspace: str, name: str) -> ComputeState:
        if name not in self.kept:
            raise NotFound(f'There is no compute target "{name}".', hint="it has: local.")
        if self.story:
            change = self.story.pop(0)
            nodes = change.pop("nodes", self.kept[name].nodes)
            self.kept[name] = self.kept[name]._replace(target=self.kept[name].target._replace(**change), nodes=nodes)
        return self.kept[name]

    def nodes(self, _workspace: str, _name: str) -> ComputeNodes:
        return ComputeNodes(self.found)

    def switch(self, _workspace: str, name: str, asked: Any) -> ComputeState:
        self.asked.append(asked)
        return self.kept[name]

    def list(self, _workspace: str) -> Computes:
        return Computes(list(self.kept.values()))

    def update(self, _workspace: str, name: str, change: Any) -> ComputeState:
        state = self.kept[name]
        changes = {key: value for key, value in change._asdict().items() if value is not None}
        self.kept[name] = state._replace(target=state.target._replace(**changes))
        return self.kept[name]

    def delete(self, _workspace: str, name: str) -> Done:
        del self.kept[name]
        return Done()


class EnvironmentsApi:
    """`story` is what one question of a build after the other is answered: (status, log, error)."""

    def __init__(self) -> None:
        self.kept: dict[str, EnvironmentRecord] = {}
        self.asked: list[Any] = []
        self.offsets: list[int] = []
        self.story: list[tuple[str, str, str | None]] = [("Succeeded", "", None)]
        self.locks: dict[str, Lock] = {}

    def versions(self, _workspace: str, name: str) -> Environments:
        return Environments([record for record in self.kept.values() if record.spec.name == name])

    def build(self, _workspace: str, asked: Any) -> EnvironmentBuild:
        self.asked.append(asked)
        return EnvironmentBuild("build_1", "ws_1", asked.spec, asked.anew, "Queued", None, None, NOW, None)

    def build_state(self, _workspace: str, build_id: str, query: Any, *, patience_s: float) -> BuildState:
        assert build_id == "build_1"
        self.offsets.append(query.offset)
        status, log, error = self.story.pop(0) if len(self.story) > 1 else self.story[0]
        spec = EnvironmentSpec("x")
        build = EnvironmentBuild(build_id, "ws_1", spec, False, status, error, None, NOW, None)
        return BuildState(build, log, query.offset + len(log), None)

    def lock(self, _workspace: str, lock_id: str) -> Lock:
        return self.locks[lock_id]

    def register(self, _workspace: str, spec: Any) -> EnvironmentRecord:
        self.kept[spec.name] = EnvironmentRecord(spec._replace(version="1"), curated=False)
        return self.kept[spec.name]

    def get(self, _workspace: str, name: str, _query: Any) -> EnvironmentRecord:
        if name not in self.kept:
            raise NotFound(f'There is no environment "{name}".', hint="did you mean?")
        return self.kept[name]

    def list(self, _workspace: str) -> Environments:
        return Environments(list(self.kept.values()))


class ExperimentsApi:
    def __init__(self) -> None:
        self.kept: dict[str, ExperimentRecord] = {}

    def ensure(self, _workspace: str, name: str) -> ExperimentRecord:
        return self.kept.setdefault(name, ExperimentRecord(f"exp-{len(self.kept) + 1}", "ws_1", name, NOW))

    def list(self, _workspace: str, query: Any) -> Experiments:
        found = [
            held
            for held in self.kept.values()
            if query.view == "all" or (query.view == "archived") == (held.archived is not None)
        ]
        return Experiments(found)

    def update(self, _workspace: str, name: str, asked: Any) -> ExperimentRecord:
        held = self.kept[name]
        tags = {key: value for key, value in held.tags.items() if key not in asked.remove_tags}
        archived = held.archived if asked.archived is None else NOW if asked.archived else None
        self.kept[name] = held._replace(tags={**tags, **asked.set_tags}, archived=archived)
        return self.kept[name]

    def delete(self, _workspace: str, name: str) -> Done:
        del self.kept[name]
        return Done()


class FakeClient:
    """Every noun that the SDK asks for."""

    url = "http://127.0.0.1:8700"

    def __init__(self) -> None:
        self.runs = Runs()
        self.models = ModelsApi()
        self.services = ServicesApi()
        self.computes = ComputesApi()
        self.environments = EnvironmentsApi()
        self.experiments = ExperimentsApi()

    def patient(self, _patience_s: float) -> FakeClient:
        return self


class FakeConnection:
    """A workspace at such a server."""

    workspace_id = "ws_1"
    url = None
    is_local = True

    def __init__(self) -> None:
        self.names = Names("sub", "group", "demo")
        self.client = FakeClient()
        self.record = WorkspaceRecord("ws_1", "sub", "group", "demo", "local", {}, NOW)

    def page(self, path: str) -> str:
        return self.client.url + path


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from, or written to, the home of whoever runs the tests."""
    monkeypatch.setenv("AMLET_HOME", str(tmp_path / "home"))
    for name in ("AZUREML_RUN_ID", "AMLET_URL", "AMLET_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def held() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def workspace(held: FakeConnection) -> Workspace:
    return Workspace("sub", "group", "demo", _held=held)  # type: ignore[arg-type]


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "iris")


@pytest.fixture
def make_run() -> Any:
    return a_run


@pytest.fixture
def make_service() -> Any:
    return a_service
