"""Composes the server: the one place, beside the node's, that names concrete adapters."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from amlet.artifacts.folder import BlobFolder
from amlet.artifacts.logs import LogFolder
from amlet.base.clock import SystemClock
from amlet.base.errors import StorageFailed
from amlet.base.paths import Home, owner_only
from amlet.client.in_job import install_in_job_side
from amlet.domain.compute import Node
from amlet.domain.job import Share
from amlet.domain.service import ReplicaLoad, Service
from amlet.environments import Environments, uv_program
from amlet.operations.autoscale import Autoscaling
from amlet.operations.prepare import Preparer
from amlet.operations.reconcile import Reconciler
from amlet.server.bringing import Bringing
from amlet.server.context import Parts
from amlet.server.engines import compose_engines
from amlet.server.lifetime import Lifetime
from amlet.server.parcels import Parcels
from amlet.server.secrets import Secrets
from amlet.server.service_loads import ServiceLoads
from amlet.server.settings import Settings
from amlet.server.stores import Stores
from amlet.server.tokens import Tokens, server_key
from amlet.server.topics import Topics
from amlet.serving.inspection import Inspections
from amlet.store.database import Database

READING_THREADS = 8


def compose(home: Home, url: str, owner_token: str, stop: Callable[[], None], settings: Settings) -> Parts:
    """The parts of a server of this home at this address; `stop` ends the process."""
    clock = SystemClock()
    owner_only(home.root)
    records = Database(home.records, backups=home.backups)
    key = server_key(home.secret_key)
    tokens = Tokens(key, owner_token, clock)
    topics = Topics()
    records.on_commit(topics.publish)
    environments = Environments(home.environments, strict=settings.strict, compiles=True)
    logs = LogFolder(home.logs)
    blobs = BlobFolder(home.blobs)
    with contextlib.suppress(StorageFailed):
        blobs.take_up()  # what came halfway before an earlier server was killed
    sdk = install_in_job_side(home.sdk)

    def variables(node: Node) -> Mapping[str, str]:
        return {
            "AMLET_HOME": str(home.root),
            "AMLET_NODE_NAME": node.name,
            "AMLET_NODE_POOL": node.pool,
            "AMLET_NODE_CORES": str(node.share.cores),
            "AMLET_NODE_MEMORY_BYTES": str(node.share.memory_bytes),
            "AMLET_NODE_URL": url,
            "AMLET_NODE_TOKEN": tokens.for_node(node.name),
            "AMLET_NODE_SDK": str(sdk),
        }

    secrets = Secrets(key)
    parcels = Parcels(home.parcels, uv_program.find_uv)
    engine = compose_engines(home, key, url, records, secrets, parcels, variables, settings.ray_address)
    machine = this_machine()
    loads = ServiceLoads()

    def load_of(service: Service) -> ReplicaLoad | None:
        told = loads.of(service.workspace_id, service.name, service.version, service.revision)
        return told.load if told is not None else None

    autoscaling = Autoscaling(load_of, clock.monotonic)
    return Parts(
        records=records,
        blobs=blobs,
        logs=logs,
        environments=environments,
        preparer=Preparer(records, environments, logs, clock),
        reconciler=Reconciler(records, engine, machine, engines=engine.kinds, autoscaling=autoscaling),
        engine=engine,
        engines=engine.kinds,
        cluster_engine=settings.engine,
        tokens=tokens,
        secrets=secrets,
        stores=Stores(home),
        bringing=Bringing(),
        parcels=parcels,
        topics=topics,
        clock=clock,
        machine=machine,
        url=url,
        lifetime=Lifetime(clock, stop),
        loads=loads,
        inspections=Inspections(),
        reading=ThreadPoolExecutor(READING_THREADS, thread_name_prefix="reading"),
    )


def this_machine() -> Share:
    """The cores that this process may use, the machine's memory, and its GPUs: a device file each, as NVIDIA makes."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    gpus = sum(path.name[len("nvidia") :].isdecimal() for path in Path("/dev").glob("nvidia*"))
    return Share(len(os.sched_getaffinity(0)), memory_bytes, gpus)
