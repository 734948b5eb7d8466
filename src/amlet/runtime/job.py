"""The job as its own process sees it: what a run's environment variables say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Mapping, NamedTuple, Optional

from amlet.runtime.journal import Journal


class JobContext(NamedTuple):
    """Who this process works for, and where it reports (v1-behaviours 6.3)."""

    run_id: str
    attempt: int
    workspace_id: str
    subscription_id: str
    resource_group: str
    workspace_name: str
    experiment: str
    experiment_id: str
    endpoint: str
    """The server's address."""
    token: str
    """The run's own, never the owner's."""
    token_expiry: Optional[str] = None
    journal_dir: Optional[Path] = None
    """Set by the node, which alone knows the place."""

    @classmethod
    def current(cls, variables: Optional[Mapping[str, str]] = None) -> Optional[JobContext]:
        """The job that this process belongs to; None when any variable that names it is missing (v1-behaviours 5.1).

        Variables of a job of Azure's own name no attempt of ours: that is None too.
        """
        found = os.environ if variables is None else variables
        if any(not found.get(name) for name in _REQUIRED) or not found["AMLET_ATTEMPT"].isdecimal():
            return None
        folder = found.get("AMLET_JOURNAL_DIR")
        return cls(
            run_id=found["AZUREML_RUN_ID"],
            attempt=int(found["AMLET_ATTEMPT"]),
            workspace_id=found["AMLET_WORKSPACE_ID"],
            subscription_id=found["AZUREML_ARM_SUBSCRIPTION"],
            resource_group=found["AZUREML_ARM_RESOURCEGROUP"],
            workspace_name=found["AZUREML_ARM_WORKSPACE_NAME"],
            experiment=found["AZUREML_ARM_PROJECT_NAME"],
            experiment_id=found.get("AZUREML_EXPERIMENT_ID", ""),
            endpoint=found["AZUREML_SERVICE_ENDPOINT"],
            token=found["AZUREML_RUN_TOKEN"],
            token_expiry=found.get("AZUREML_RUN_TOKEN_EXPIRY") or None,
            journal_dir=Path(folder) if folder else None,
        )

    def variables(self) -> Dict[str, str]:
        """The inverse of `current`, with what v1 sets besides for every script run."""
        named = {
            "AMLET_RUN_ID": self.run_id,
            "AMLET_WORKSPACE_ID": self.workspace_id,
            "AMLET_ATTEMPT": str(self.attempt),
            "AZUREML_RUN_ID": self.run_id,
            "AZUREML_ARM_SUBSCRIPTION": self.subscription_id,
            "AZUREML_ARM_RESOURCEGROUP": self.resource_group,
            "AZUREML_ARM_WORKSPACE_NAME": self.workspace_name,
            "AZUREML_ARM_PROJECT_NAME": self.experiment,
            "AZUREML_EXPERIMENT_ID": self.experiment_id,
            "AZUREML_WORKSPACE_ID": self.workspace_id,
            "AZUREML_RUN_TOKEN": self.token,
            "AZUREML_SERVICE_ENDPOINT": self.endpoint,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": self.endpoint,
            "AZUREML_FRAMEWORK": "Python",
            "AZUREML_COMMUNICATOR": "None",
            "AZUREML_OUTPUT_DIRECTORY": "./outputs",
            "AZUREML_LOGDIRECTORY_PATH": "azureml-logs",
        }
        if self.token_expiry:
            named["AZUREML_RUN_TOKEN_EXPIRY"] = self.token_expiry
        if self.journal_dir:
            named["AMLET_JOURNAL_DIR"] = str(self.journal_dir)
        return named

    def open_journal(self) -> Journal:
        """A journal of this process for the run.

        Raises:
            ValueError: if the node gave no place for it.
        """
        if self.journal_dir is None:
            raise ValueError("AMLET_JOURNAL_DIR is not set: this process was not started by a node")
        return Journal(self.journal_dir, self.run_id, self.attempt)


_REQUIRED = (
    "AZUREML_RUN_ID",
    "AZUREML_ARM_SUBSCRIPTION",
    "AZUREML_ARM_RESOURCEGROUP",
    "AZUREML_ARM_WORKSPACE_NAME",
    "AZUREML_ARM_PROJECT_NAME",
    "AZUREML_RUN_TOKEN",
    "AZUREML_SERVICE_ENDPOINT",
    "AMLET_WORKSPACE_ID",
    "AMLET_ATTEMPT",
)
