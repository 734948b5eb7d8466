"""Profiles: v1's figures of what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.sdk.exceptions import UserErrorException, WebserviceException
from amlet.sdk.model import Model
from amlet.sdk.model_profile import ModelProfile, Usage, requests_of, summary, usage_of
from amlet.sdk.workspace import Workspace


def test_the_figures_are_v1s() -> None:
    latencies = [0.001 * number for number in range(1, 101)]
    found = summary(latencies, 99, Usage(1.0, 0), Usage(1.0 + sum(latencies) * 0.24, 300 << 20))
    assert (found["totalQueries"], found["successQueries"], found["successRate"]) == (100, 99, 99.0)
    assert (found["averageLatencyInMs"], found["latencyPercentile50InMs"]) == (50.5, 51.0)
    assert (found["latencyPercentile99InMs"], found["latencyPercentile999InMs"]) == (100.0, 100.0)
    assert (found["maxUtilizedCpu"], found["recommendedCpu"]) == (0.24, 0.3)
    assert (found["maxUtilizedMemoryInGB"], found["recommendedMemoryInGB"]) == (0.293, 0.4)
    assert found["measuredQueriesPerSecond"] == 19.8


def test_usage_is_read_from_the_services_metrics() -> None:
    text = "# TYPE x\namlet_cpu_seconds_total 1.5\namlet_peak_memory_bytes 1024\namlet_busy_seconds_total 3\n"
    assert usage_of(text) == Usage(1.5, 1024)


class Frame:
    """What a dataset gives, as far as it is looked at."""

    def __init__(self, **columns: list[Any]) -> None:
        self._held = columns
        self.columns = list(columns)

    def __len__(self) -> int:
        return len(next(iter(self._held.values()), []))

    def __getitem__(self, name: str) -> list[Any]:
        return self._held[name]


class Dataset:
    def __init__(self, **columns: list[Any]) -> None:
        self._frame = Frame(**columns)

    def to_pandas_dataframe(self) -> Frame:
        return self._frame


def test_a_dataset_of_one_text_column_is_asked() -> None:
    assert requests_of(Dataset(question=["{}", "[]"])) == ["{}", "[]"]


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        (Dataset(a=["{}"], b=["{}"]), "it has 2 columns and 1 rows"),
        (Dataset(a=[]), "it has 1 columns and 0 rows"),
        (Dataset(a=[1]), "must hold texts"),
        ("rows.csv", "must be a TabularDataset, not str"),
    ],
)
def test_other_datasets_are_refused(dataset: Any, told: str) -> None:
    with pytest.raises(UserErrorException, match=told):  # v1-behaviours 14.11
        requests_of(dataset)


@pytest.mark.parametrize(("cpu", "memory", "told"), [(4, None, "cpu must be from 0.1 to 3.5"), (1, 16, "0.1 to 15")])
def test_v1s_ranges(workspace: Workspace, cpu: Any, memory: Any, told: str) -> None:
    with pytest.raises(WebserviceException, match=told):  # v1-behaviours 14.11
        Model.profile(workspace, "p", [], None, Dataset(a=["{}"]), cpu=cpu, memory_in_gb=memory)


def test_a_profile_that_is_not_there_is_told(workspace: Workspace) -> None:
    with pytest.raises(WebserviceException, match="There is no profile 'nothing'"):
        ModelProfile(workspace, "nothing")
