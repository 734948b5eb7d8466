"""v1's module: names of amlet.sdk."""

from amlet.sdk.offline_run import _OfflineRun
from amlet.sdk.refused import refused as _refused
from amlet.sdk.run import POST_PROCESSING_STATES, RUNNING_STATES, Run, get_run
from amlet.sdk.run_data import InputDatasets
from amlet.sdk.submitted_run import _SubmittedRun

OutputDatasets = _refused("OutputDatasets", "use run.output_datasets[name], the path of an output.")
LinkOutput = _refused("LinkOutput", "write to the path of an OutputFileDatasetConfig.")

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
