"""v1's module: names of amlet.sdk."""

from amlet.sdk.offline_run import _OfflineRun
from amlet.sdk.run import Run, get_run
from amlet.sdk.submitted_run import _SubmittedRun

__all__ = ["Run", "_OfflineRun", "_SubmittedRun", "get_run"]
