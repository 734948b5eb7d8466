"""One transaction: all aggregates over one connection, and the topics that were touched."""

from __future__ import annotations

from sqlalchemy import Connection

from amlet.store import base
from amlet.store.blobs import Blobs
from amlet.store.computes import Computes
from amlet.store.datasets import Datasets, DataUses
from amlet.store.datastores import Datastores
from amlet.store.environment_builds import EnvironmentBuilds
from amlet.store.environments import Environments
from amlet.store.files import Files
from amlet.store.gangs import Gangs
from amlet.store.leases import Leases
from amlet.store.locks import Locks
from amlet.store.metrics import Metrics
from amlet.store.models import Models
from amlet.store.nodes import Nodes
from amlet.store.queue import Queue
from amlet.store.requests import Requests
from amlet.store.runs import Runs
from amlet.store.secrets import Secrets
from amlet.store.services import Services
from amlet.store.sweeps import Sweeps
from amlet.store.trees import Trees
from amlet.store.workspaces import Experiments, Workspaces


class SQLTransaction:
    """What work is given. It begins and ends nothing itself."""

    def __init__(self, connection: Connection) -> None:
        self.topics: dict[str, None] = {}
        self.workspaces: base.WorkspaceRecords = Workspaces(connection)
        self.experiments: base.ExperimentRecords = Experiments(connection)
        self.blobs: base.BlobRecords = Blobs(connection)
        self.trees: base.TreeRecords = Trees(connection)
        self.environments: base.EnvironmentRecords = Environments(connection)
        self.environment_builds: base.EnvironmentBuildRecords = EnvironmentBuilds(connection)
        self.locks: base.LockRecords = Locks(connection)
        self.computes: base.ComputeRecords = Computes(connection)
        self.datastores: base.DatastoreRecords = Datastores(connection)
        self.datasets: base.DatasetRecords = Datasets(connection)
        self.secrets: base.SecretRecords = Secrets(connection)
        runs = Runs(connection)
        self.runs: base.RunRecords = runs
        self.queue: base.QueueRecords = Queue(connection, runs)
        self.sweeps: base.SweepRecords = Sweeps(connection, runs)
        self.data_uses: base.DataUseRecords = DataUses(connection, runs)
        self.leases: base.LeaseRecords = Leases(connection)
        self.gangs: base.GangRecords = Gangs(connection)
        self.files: base.FileRecords = Files(connection, runs)
        self.metrics: base.MetricRecords = Metrics(connection, runs)
        self.models: base.ModelRecords = Models(connection)
        self.services: base.ServiceRecords = Services(connection)
        self.requests: base.RequestRecords = Requests(connection)
        self.nodes: base.NodeRecords = Nodes(connection)

    def touch(self, topic: str) -> None:
        self.topics[topic] = None
