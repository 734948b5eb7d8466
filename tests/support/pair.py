"""A cluster of two nodes on a real server: worker processes of this machine."""

from __future__ import annotations

from pathlib import Path

from amlet.client.connection import Client
from amlet.domain.run import Run
from amlet.wire.computes import CreateCompute
from amlet.wire.files import FileQuery
from support.runs import submit_script, workspace_id
from support.server import RealServer, until

CLUSTER = "pair"

HELLO = """
import os, socket, time
from azureml.core import Run
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
names = ("LOCAL_RANK", "NODE_RANK", "LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
         "OMPI_COMM_WORLD_LOCAL_RANK", "AZUREML_NODE_COUNT", "AZUREML_COMMUNICATOR")
print(rank, size, *(os.environ.get(name) for name in names))
master = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
assert os.environ["AZ_BATCH_MASTER_NODE"] == "%s:%d" % master
if rank == 0:
    with socket.create_server(master) as listening:
        for _ in range(size - 1):
            listening.accept()[0].sendall(b"all here")
else:
    for _ in range(200):
        try:
            with socket.create_connection(master, 5) as joined:
                assert joined.recv(100) == b"all here"
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    else:
        raise SystemExit("rank 0 does not listen")
Run.get_context().log("rank", rank)
for name in ("outputs/of_%d.txt" % rank, "outputs/same.txt", "logs/own.txt"):
    with open(name, "w") as file:
        file.write("rank %d" % rank)
"""
"""Each rank says who it is and meets the others at rank 0's address before it goes on."""


class Pair:
    """A cluster of two nodes on a server."""

    def __init__(self, server: RealServer) -> None:
        self.server = server
        self.client: Client = server.client()
        self.workspace_id = workspace_id(self.client)
        asked = CreateCompute("AmlCompute", "STANDARD_D2_V2", max_nodes=2, idle_s=600)
        self.client.computes.create(self.workspace_id, CLUSTER, asked)

    def submit(self, folder: Path, text: str, **job: object) -> Run:
        return submit_script(self.client, folder, text, target=CLUSTER, **job)

    def text(self, run: Run, path: str) -> str:
        with self.client.runs.file(self.workspace_id, run.id, FileQuery(path)) as body:
            return body.read().decode()

    def files(self, run: Run) -> list[str]:
        found = self.client.runs.get(self.workspace_id, run.id).files
        return sorted(file.path for file in found if not file.path.startswith("azureml-logs/"))

    def run(self, run: Run) -> Run:
        return self.client.runs.get(self.workspace_id, run.id).run

    def pids(self, folder: Path, count: int) -> list[int]:
        def look() -> list[int] | None:
            found = [path.read_text() for path in folder.glob("[0-9]")]
            return [int(text) for text in found] if len(found) == count and all(found) else None

        return until(look, what="the processes of all ranks")
