"""Services of entry scripts on a real server, asked over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from amlet.client.snapshot import scan
from amlet.client.uploads import sources_of, submit_with_blobs
from amlet.domain.compute import AML_COMPUTE
from amlet.domain.deployment import Deployment
from amlet.domain.environment import EnvironmentSpec
from amlet.domain.model import Resources
from amlet.domain.service import Service
from amlet.node.keeper import replica_name
from amlet.wire.computes import CreateCompute
from amlet.wire.models import RegisterModel
from amlet.wire.services import DeployService, ServiceQuery, TailQuery, UpdateService, VersionQuery
from support.server import RealServer, until

PLAIN = EnvironmentSpec("plain", pip=["wheel"])
"""An environment that is built in no time."""


class Place(NamedTuple):
    """A workspace of a real server, and a folder for entry scripts."""

    server: RealServer
    workspace_id: str
    folder: Path
    usual: Deployment = Deployment()
    """What deployments are made of."""
    machines: Path | None = None
    """Where nodes of other machines live, if the processes are theirs."""

    def deploy(self, name: str, script: str, *, update: bool = False, version: str = "", **changes: Any) -> Service:
        """Deploy or update a service of a script."""
        client = self.server.client()
        source = self.folder / f"{name} é"
        source.mkdir(exist_ok=True)
        (source / "score.py").write_text(script)
        snapshot = scan(source)
        own = {key: value for key, value in changes.items() if key in Deployment._fields}
        others = {key: value for key, value in changes.items() if key not in own}
        deployment = self.usual._replace(entry_script="score.py", environment=PLAIN)._replace(**own)

        def call() -> Any:
            if update:
                asked = UpdateService(deployment, snapshot.entries, version=version, **others)
                return client.services.update(self.workspace_id, name, asked)
            made = DeployService(name, deployment, snapshot.entries, version=version, **others)
            return client.services.deploy(self.workspace_id, made)

        answer = submit_with_blobs(call, client, self.workspace_id, sources_of(source, snapshot.entries))
        return answer.service  # type: ignore[no-any-return]

    def get(self, name: str, version: str = "") -> Service:
        return self.server.client().services.get(self.workspace_id, name, ServiceQuery(version=version))

    def settled(self, name: str, *, revision: int = 0, state: str = "Healthy", version: str = "") -> Service:
        def look() -> Service | None:
            found = self.get(name, version)
            if found.state == "Failed" and state != "Failed":
                raise AssertionError(found.error)
            return found if found.state == state and found.revision >= revision else None

        return until(look, what=f"{name} {version} {state}", seconds=60)

    def register(self, name: str, *paths: str) -> str:
        """A model of files with little in them; its id."""
        client = self.server.client()
        folder = self.folder / f"model {name}"
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(name)
        entries = scan(folder).entries
        asked = RegisterModel(name, entries=entries, request_id=f"{name}-{time.monotonic()}")
        answer = submit_with_blobs(
            lambda: client.models.register(self.workspace_id, asked),
            client,
            self.workspace_id,
            sources_of(folder, entries),
        )
        assert answer.model is not None
        return answer.model.id

    def pids(self, name: str, revision: int) -> list[int]:
        homes = [self.server.home.nodes] if self.machines is None else self.machines.glob("*/nodes")
        return [pid for nodes in homes for pid in replica_pids(nodes, self.workspace_id, name, revision)]

    def log(self, name: str) -> str:
        with self.server.client().services.logs(self.workspace_id, name, TailQuery()) as body:
            return body.read().decode()

    def delete(self, name: str, version: str = "") -> None:
        self.server.client().services.delete(self.workspace_id, name, VersionQuery(version))


def ask(address: str | None, body: bytes = b"x", *, timeout_s: float = 20, **headers: str) -> tuple[int, Any]:
    """One request on a connection of its own."""
    place = urlsplit(address or "").netloc
    with contextlib.closing(http.client.HTTPConnection(place, timeout=timeout_s)) as connection:
        connection.request("POST", "/score", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def with_key(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def replica_pids(nodes: Path, workspace_id: str, name: str, revision: int) -> list[int]:
    """The processes of a revision, on all nodes whose folders are in this one."""
    found = []
    folder = f"*/replicas/{replica_name(workspace_id, name, revision)}-*"
    for path in sorted(nodes.glob(f"{folder}/*/process.json")):
        with contextlib.suppress(OSError, ValueError):
            found.append(int(json.loads(path.read_text())["pid"]))
    return found


def on_nodes(place: Place, target: str = "cluster", *, max_nodes: int = 2, idle_s: int = 600) -> Place:
    """The same place with services that are spread over the nodes of a cluster, several to a core."""
    asked = CreateCompute(AML_COMPUTE, "STANDARD_D2_V2", max_nodes=max_nodes, idle_s=idle_s)
    place.server.client().computes.create(place.workspace_id, target, asked)
    return place._replace(usual=Deployment(target=target, resources=Resources(cpu=0.3)))


def nowhere(server: RealServer, secrets: list[str], *, but: str = "") -> None:
    """No secret lies in a record, a log, or the folders of replicas, nor stands in a command line.

    Args:
        but: The name of files that hold it, for their owner alone.
    """
    texts = [path for path in server.home.root.rglob("*") if path.is_file() and "environments" not in path.parts]
    for path in texts:
        if path.name == but:
            assert path.stat().st_mode & 0o077 == 0
            continue
        with contextlib.suppress(OSError):
            held = path.read_bytes()
            assert not any(secret.encode() in held for secret in secrets), path
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path


class Clients:
    """Clients that ask without a pause: some keep their connection, some take a new one for each request."""

    def __init__(self, address: str, count: int = 4) -> None:
        self._address = urlsplit(address).netloc
        self._ended = threading.Event()
        self.failures: list[str] = []
        self.answers: list[Any] = []
        self._threads = [threading.Thread(target=self._ask, args=(at % 2 == 0,)) for at in range(count)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, keeps: bool) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=20)
        while not self._ended.is_set():
            try:
                connection.request("POST", "/score", b"x")
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {told}")
                self.answers.append(told)
                # http.client connects anew by itself after an answer that says that it closes.
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            if not keeps:
                connection.close()
        connection.close()


WHERE = """
import os, time
def init():
    print("begun on", node())
def node():
    return os.environ["AMLET_SERVICE_FOLDER"].split("/nodes/")[1].split("/")[0]
def run(data):
    time.sleep(0.02 if data == "slow" else 0)
    return [node(), "MARK"]
"""
"""A script that answers with the node that it is on, and its mark."""


def nodes_of(address: str | None, count: int = 12) -> set[str]:
    """The nodes that answer."""
    told = [ask(address) for _ in range(count)]
    assert all(status == 200 for status, _ in told), told
    return {answer[0] for _, answer in told}


def counted(address: str | None) -> int:
    """How many requests a service says that it has answered."""
    with contextlib.closing(http.client.HTTPConnection(urlsplit(address or "").netloc, timeout=20)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    found = [line for line in text.splitlines() if line.startswith("amlet_requests_total")]
    return sum(int(line.rpartition(" ")[2]) for line in found)
