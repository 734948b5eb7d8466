"""Addresses of the studio's pages: the SDK prints them, the server answers them. None holds a token."""

from __future__ import annotations

from typing import Optional, Sequence
from urllib.parse import quote, urlencode

HOME = "/"
SIGN_IN = "/signin"
SIGN_OUT = "/signout"

WORKSPACE_PATTERN = "/w/{workspace_id}"
EXPERIMENT_PATTERN = WORKSPACE_PATTERN + "/e/{experiment}"
RUN_PATTERN = EXPERIMENT_PATTERN + "/r/{run_id}"
METRIC_PATTERN = RUN_PATTERN + "/metric"
IMAGE_PATTERN = RUN_PATTERN + "/image"
COMPARE_PATTERN = WORKSPACE_PATTERN + "/compare"
DATA_PATTERN = WORKSPACE_PATTERN + "/data"
SERVICE_PATTERN = WORKSPACE_PATTERN + "/services/{service}"
MODELS_PATTERN = WORKSPACE_PATTERN + "/models"
MODEL_PATTERN = MODELS_PATTERN + "/{model}"
MODEL_VERSION_PATTERN = MODEL_PATTERN + "/{version:int}"
DATASET_PATTERN = DATA_PATTERN + "/{dataset_id}"


def workspace_page(workspace_id: str) -> str:
    """The path of a workspace's page."""
    return f"/w/{_segment(workspace_id)}"


def experiment_page(workspace_id: str, experiment: str) -> str:
    """The path of an experiment's page."""
    return f"{workspace_page(workspace_id)}/e/{_segment(experiment)}"


def run_page(workspace_id: str, experiment: str, run_id: str) -> str:
    """The path of a run's page."""
    return f"{experiment_page(workspace_id, experiment)}/r/{_segment(run_id)}"


def metric_page(workspace_id: str, experiment: str, run_id: str, name: str) -> str:
    """The path of the page of one of a run's metrics."""
    told = urlencode({"name": name}, errors="replace")
    return f"{run_page(workspace_id, experiment, run_id)}/metric?{told}"


def image(workspace_id: str, experiment: str, run_id: str, path: str) -> str:
    """The path at which a browser gets a run's file to show, when it is an image."""
    told = urlencode({"path": path}, errors="replace")
    return f"{run_page(workspace_id, experiment, run_id)}/image?{told}"


def compare_page(workspace_id: str, run_ids: Sequence[str] = ()) -> str:
    """The path of the comparison of some runs."""
    told = urlencode([("run", run_id) for run_id in run_ids], errors="replace")
    return f"{workspace_page(workspace_id)}/compare" + (f"?{told}" if told else "")


def data_page(workspace_id: str) -> str:
    """The path of a workspace's datasets and datastores."""
    return f"{workspace_page(workspace_id)}/data"


def dataset_page(workspace_id: str, dataset_id: str) -> str:
    """The path of a dataset's page."""
    return f"{data_page(workspace_id)}/{_segment(dataset_id)}"


def service_page(workspace_id: str, name: str) -> str:
    """The path of a service."""
    return f"{workspace_page(workspace_id)}/services/{_segment(name)}"


def models_page(workspace_id: str) -> str:
    """The path of a workspace's models."""
    return f"{workspace_page(workspace_id)}/models"


def model_page(workspace_id: str, name: str, version: Optional[int] = None) -> str:
    """The path of a model: of a version, or of whichever is the newest."""
    path = f"{models_page(workspace_id)}/{_segment(name)}"
    return path if version is None else f"{path}/{version}"


def run_api(workspace_id: str, run_id: str) -> str:
    """The path below which the API has the run."""
    return f"/api/workspaces/{_segment(workspace_id)}/runs/{_segment(run_id)}"


def sign_in_page(*, ticket: str = "", then: str = HOME) -> str:
    """The path that signs a browser in, by a single-use ticket or by asking, and goes on to another path of ours."""
    told = f"ticket={quote(ticket, safe='')}&" if ticket else ""
    return f"{SIGN_IN}?{told}next={quote(then, safe='/')}"


def _segment(text: str) -> str:
    return quote(text, safe="", errors="replace")
