"""How a run configuration spreads a run over nodes and processes (v1-behaviours 9.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, NamedTuple, Optional

from amlet.domain.job import COMMUNICATORS, MPI_COMMUNICATORS

if TYPE_CHECKING:
    from amlet.sdk.runconfig import RunConfiguration

_TORCH = ("Nccl", "Gloo")


class Spread(NamedTuple):
    """Nodes, the processes on each, and how they talk."""

    node_count: int
    processes_per_node: int
    communicator: str
    """One of the job's; empty for a process that is alone."""


class SpreadFault(NamedTuple):
    """A setting that cannot be: where it stands, what is wrong, and what to do."""

    path: str
    message: str
    hint: Optional[str] = None


def spread_of(settings: RunConfiguration) -> Spread:
    """What the settings ask for, when `spread_faults` finds nothing wrong."""
    communicator = next((name for name in COMMUNICATORS if name.lower() == settings.communicator.lower()), "")
    nodes = settings.node_count
    if communicator in MPI_COMMUNICATORS:
        return Spread(nodes, settings.mpi.process_count_per_node, communicator)
    if communicator in _TORCH:
        return Spread(nodes, (settings.pytorch.process_count or nodes) // nodes, communicator)
    return Spread(nodes, 1, communicator)


def spread_faults(settings: RunConfiguration) -> List[SpreadFault]:
    """Counts that cannot be."""
    tensorflow = settings.tensorflow
    found = [
        SpreadFault(path, f"must be 1 or more, not {count!r}")
        for path, count in (
            ("node_count", settings.node_count),
            ("mpi.process_count_per_node", settings.mpi.process_count_per_node),
        )
        if count < 1
    ]
    if found:
        return found
    for name, count in (
        ("worker_count", tensorflow.worker_count),
        ("parameter_server_count", tensorflow.parameter_server_count),
    ):
        if count != 1:
            message = f"must be 1, not {count!r}: TensorFlow's workers and parameter servers are not started"
            found.append(
                SpreadFault(f"tensorflow.{name}", message, "MpiConfiguration starts processes that have a rank.")
            )
    nodes, processes = settings.node_count, settings.pytorch.process_count
    communicator = spread_of(settings).communicator
    if not found and nodes > 1 and not communicator:
        found.append(
            SpreadFault(
                "node_count",
                f"is {nodes}, and communicator is {settings.communicator!r}: nothing says what the nodes do together",
                "pass distributed_job_config=MpiConfiguration(node_count=...), a PyTorchConfiguration, or amlet's "
                "JoblibConfiguration for scikit-learn's n_jobs.",
            )
        )
    if communicator in _TORCH and processes is not None and (processes < nodes or processes % nodes):
        message = f"must be a multiple of the {nodes} nodes, not {processes!r}: each has as many processes"
        found.append(SpreadFault("pytorch.process_count", message))
    return found
