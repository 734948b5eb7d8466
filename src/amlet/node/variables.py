"""The environment variables of a job's process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from amlet.base.variables import own_environment
from amlet.domain.job import Lease, Share

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def job_variables(lease: Lease, python: Path, sdk: Path, journals: Path) -> dict[str, str]:
    """What the script sees: ours, then the environment's, then the run's own, then what names the run.

    The in-job side comes ahead of the user's own PYTHONPATH; the build's programs ahead of the machine's.
    """
    user = {**lease.job.environment.variables, **lease.job.variables}
    found = with_threads(own_environment(), lease.share)
    found["PATH"] = os.pathsep.join([str(python.parent), found.get("PATH", os.defpath)])
    found["PYTHONUNBUFFERED"] = "1"
    found.update(user)
    found["PYTHONPATH"] = os.pathsep.join([str(sdk), *([user["PYTHONPATH"]] if user.get("PYTHONPATH") else [])])
    found.update(lease.variables)
    found["AMLET_JOURNAL_DIR"] = str(journals)
    return found


def with_threads(variables: Mapping[str, str], share: Share) -> dict[str, str]:
    """Thread counts of the share, so that `n_jobs=-1` and BLAS see what the job may use."""
    return {**variables, **dict.fromkeys(THREAD_VARIABLES, str(share.cores))}
