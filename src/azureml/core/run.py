"""v1's module: names of amlet.sdk."""

from amlet.sdk.offline_run import _OfflineRun
from amlet.sdk.refused import refused as _refused
from amlet.sdk.run import POST_PROCESSING_STATES, RUNNING_STATES, Run, get_run
from amlet.sdk.submitted_run import NO_DATASETS as _NO_DATASETS
from amlet.sdk.submitted_run import _SubmittedRun

InputDatasets = _refused("InputDatasets", _NO_DATASETS)
OutputDatasets = _refused("OutputDatasets", "write to ./outputs: it is kept with the run.")
LinkOutput = _refused("LinkOutput", "write to ./outputs: it is kept with the run.")

__all__ = [
    "POST_PROCESSING_STATES",
    "RUNNING_STATES",
    "InputDatasets",
    "LinkOutput",
    "OutputDatasets",
    "Run",
    "_OfflineRun",
    "_SubmittedRun",
    "get_run",
]
