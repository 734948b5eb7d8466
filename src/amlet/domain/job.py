"""Jobs: what is executed, and the attempts at it."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from amlet.domain.artifact import Tree
from amlet.domain.data import JobInput, JobOutput
from amlet.domain.environment import EnvironmentSpec, Lock

MAX_DURATION_S = 2_592_000
"""30 days, v1's default (v1-behaviours 9.1)."""


class Job(NamedTuple):
    """What a run executes. Either `script` with `arguments`, or `command`."""

    environment: EnvironmentSpec
    snapshot_id: str
    script: Optional[str] = None
    arguments: List[str] = []
    command: Optional[str] = None
    """A shell's line, used instead of script and arguments (v1-behaviours 9.6)."""
    target: str = "local"
    variables: Dict[str, str] = {}
    max_duration_s: Optional[int] = MAX_DURATION_S
    definition: Dict[str, Any] = {}
    """v1's runDefinition as the SDK wrote it. Kept and given back, never read by the server."""
    priority: int = 0
    """Runs with a higher one start first."""
    retries: int = 0
    """How often it is tried again after an attempt that counts: see `retry_codes`."""
    retry_codes: List[int] = []
    """Exit codes after which it is tried again. What is no fault of the script's - a lost node - always counts."""
    node_count: int = 1
    """Nodes that it has at the same time: all, or it waits."""
    processes_per_node: int = 1
    communicator: str = ""
    """How its processes talk; empty for one that is alone. `Joblib`: the script is alone, the other nodes help it."""
    inputs: List[JobInput] = []
    """Data that is at hand when the script starts."""
    outputs: List[JobOutput] = []
    """Data that it writes beside ./outputs."""

    @property
    def process_count(self) -> int:
        """How many processes run the script."""
        return 1 if self.communicator == JOBLIB else self.node_count * self.processes_per_node

    @property
    def script_log(self) -> str:
        """What the script prints, or the first of its processes (v1-behaviours 3.7)."""
        return STD_LOG if self.process_count == 1 else FIRST_STD_LOG


STD_LOG = "user_logs/std_log.txt"
FIRST_STD_LOG = "user_logs/std_log_0.txt"

JOBLIB = "Joblib"
MPI_COMMUNICATORS = ("IntelMpi", "OpenMpi")
COMMUNICATORS = (*MPI_COMMUNICATORS, "Nccl", "Gloo", JOBLIB)
"""How the processes of a job may talk."""

PROCESSES_LIMIT = 1000
"""Of one node."""


RETRIES_LIMIT = 100

RETRY_PAUSES_S = (1, 4, 16, 64, 300)
"""Before the first retry, the second and so on; the last one holds for all that follow."""


def retry_pause_s(retries_before: int) -> int:
    """How long a run rests before it is tried again."""
    return RETRY_PAUSES_S[min(retries_before, len(RETRY_PAUSES_S) - 1)]


def shell_code(code: int) -> int:
    """An exit code as a shell tells it: 1 to 255, and 128 + n for the end by signal n."""
    return 128 - code if code < 0 else code & 0xFF


def parameters_of(arguments: List[str]) -> Dict[str, str]:
    """Arguments as names and values: `--kernel linear`, `--C=1`, a flag alone is `true`. The last one wins."""
    found: Dict[str, str] = {}
    waiting: Optional[str] = None
    for argument in arguments:
        is_name = argument.startswith("-") and not _is_number(argument)
        if not is_name:
            if waiting is not None:
                found[waiting] = argument
            waiting = None
            continue
        name, equals, value = argument.lstrip("-").partition("=")
        if name:
            found[name] = value if equals else "true"
            waiting = None if equals else name
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class Share(NamedTuple):
    """What a job may use of its machine."""

    cores: int
    memory_bytes: int
    gpus: int = 0


class Lease(NamedTuple):
    """One attempt at a job, handed to a node until it ends or the lease lapses.

    `workspace_id`, `run_id` and `attempt` name it in every later call. `token` is the run's own, never the owner's.
    """

    workspace_id: str
    run_id: str
    attempt: int
    experiment: str
    job: Job
    lock: Lock
    snapshot: Tree
    share: Share
    token: str
    lease_s: float
    """Renew before this many seconds have passed."""
    variables: Dict[str, str]
    """AZUREML_* and AMLET_* variables of the job's process."""
    node_rank: Optional[int] = None
    """Which of its run's nodes this one is, from 0; None when the run has one node."""
