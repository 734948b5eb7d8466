"""The environment variables of a job's process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from amlet.base.variables import job_environment
from amlet.domain.job import Lease, Share
from amlet.environments import conda

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
)
"""What libraries read at their load; the last is `os.cpu_count()` from Python 3.13 on."""

PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")


def job_variables(lease: Lease, python: Path, sdk: Path, journals: Path) -> dict[str, str]:
    """What the script sees: ours, then the environment's, then the run's own, then what names the run.

    The in-job side comes ahead of the user's own PYTHONPATH; the build's programs ahead of the machine's.
    """
    found = conda.activated(job_environment(), python)
    found.update(_of_run(lease, sdk, journals))
    found.setdefault("PYTHONPATH", str(sdk))
    return found


def contained_variables(lease: Lease, sdk: Path, journals: Path) -> dict[str, str]:
    """What a script in a container sees beside what its image sets. Nothing else of this machine's: an image's
    programs know nothing of its folders.
    """
    own = job_environment()
    found = {name: text for name, text in own.items() if name == "AMLET_HOME" or name.lower() in PROXIES}
    found.update(_of_run(lease, sdk, journals))
    return found


def _of_run(lease: Lease, sdk: Path, journals: Path) -> dict[str, str]:
    """The environment's and the run's own; PYTHONPATH only when the user sets one."""
    user = {**lease.job.environment.variables, **lease.job.variables}
    found = {**with_threads({}, lease.share), "PYTHONUNBUFFERED": "1", **user}
    if user.get("PYTHONPATH"):
        found["PYTHONPATH"] = os.pathsep.join([str(sdk), user["PYTHONPATH"]])
    else:
        found.pop("PYTHONPATH", None)
    return {**found, **lease.variables, "AMLET_JOURNAL_DIR": str(journals)}


def with_threads(variables: Mapping[str, str], share: Share) -> dict[str, str]:
    """Thread counts of the share, so that `n_jobs=-1` and BLAS see what the job may use."""
    return {**variables, **dict.fromkeys(THREAD_VARIABLES, str(share.cores))}
