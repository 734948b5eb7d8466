"""Open datasets: what scikit-learn ships is there, the others say what to use."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from amlet.sdk.exceptions import UserErrorException
from azureml.opendatasets import MNIST, Diabetes


class Frame:
    """As much of a data frame as is asked of one."""

    def rename(self, columns: dict[str, str]) -> dict[str, str]:
        return columns


def test_diabetes_is_scikit_learns_with_v1s_name_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = ModuleType("sklearn")
    library.datasets = SimpleNamespace(load_diabetes=lambda as_frame: SimpleNamespace(frame=Frame()))
    monkeypatch.setitem(sys.modules, "sklearn", library)
    assert Diabetes().to_pandas_dataframe() == {"target": "Y"}


def test_without_scikit_learn_it_says_which_packages_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UserErrorException, match="needs scikit-learn and pandas"):
        Diabetes().to_pandas_dataframe()


def test_what_is_not_shipped_is_refused_by_name() -> None:
    with pytest.raises(UserErrorException, match="amlet does not have MNIST"):
        MNIST.get_tabular_dataset()
