"""What may be logged, and as what it comes back."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amlet.domain.metric import collate
from amlet.runtime.journal import Journal, read_file
from amlet.sdk import metrics
from amlet.sdk.exceptions import AzureMLException, UserErrorException


class FakeNumpyInt:
    """Like numpy.int64: a number that is no int."""

    shape = ()

    def __index__(self) -> int:
        return 5


class FakeNumpyFloat:
    shape = ()

    def __float__(self) -> float:
        return 0.5


class FakeArray:
    shape = (1,)

    def __index__(self) -> int:
        return 7

    def __float__(self) -> float:
        return 7.0

    def __repr__(self) -> str:
        return "array([7])"


@pytest.mark.parametrize("value", [1.5, 3, True, False, None, "text", math.inf])
def test_a_plain_scalar_is_kept_as_it_is(value: Any) -> None:
    assert metrics.scalar(value) is value  # v1-behaviours 4.2


@pytest.mark.parametrize(
    ("value", "kept"),
    [(FakeNumpyInt(), 5), (FakeNumpyFloat(), 0.5), (Decimal("1.5"), 1.5), (Fraction(1, 4), 0.25)],
)
def test_a_number_like_scalar_becomes_a_number(value: Any, kept: Any) -> None:
    found = metrics.scalar(value)  # v1-behaviours 4.3, 19a
    assert found == kept and type(found) is type(kept)


@pytest.mark.parametrize("value", [(1, 2), {"a": 1}, FakeArray(), 1j, b"x"])
def test_any_other_value_becomes_its_repr(value: Any) -> None:
    assert metrics.scalar(value) == repr(value)  # v1-behaviours 4.2


def test_lists_ranges_and_generators_are_refused_by_log() -> None:
    def generator() -> Any:
        yield 1

    for value in ([1], range(3), generator(), generator):
        with pytest.raises(UserErrorException, match=r"Use run\.log_list instead"):  # v1-behaviours 4.1
            metrics.scalar(value)


def test_an_empty_list_stays_an_empty_list() -> None:
    assert metrics.values_of("x", []) == []  # v1-behaviours 19b


def test_a_list_takes_any_series_of_scalars() -> None:
    assert metrics.values_of("x", (1, FakeNumpyInt(), 0.5)) == [1, 5, 0.5]


@pytest.mark.parametrize("value", ["abc", {"a": 1}, 3])
def test_log_list_refuses_what_is_no_list(value: Any) -> None:
    with pytest.raises(UserErrorException, match="takes a list"):
        metrics.values_of("x", value)


@pytest.mark.parametrize("value", [[1], {"a": 1}, object()])
def test_a_cell_that_is_no_scalar_is_refused(value: Any) -> None:
    with pytest.raises(AzureMLException, match="cannot hold"):
        metrics.row_of("x", {"column": value})


def test_an_over_long_number_in_a_list_is_refused() -> None:
    with pytest.raises(AzureMLException, match="too long"):  # v1-behaviours 4.4
        metrics.values_of("x", [1 << 1000])


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(AzureMLException, match="a: 1, b: 2"):  # v1-behaviours 4.5
        metrics.table_of("t", {"a": [1], "b": [1, 2]})


@pytest.mark.parametrize(("step", "kept"), [(None, None), (3, 3), (3.0, 3), (FakeNumpyInt(), 5)])
def test_a_step_is_a_whole_number(step: Any, kept: Any) -> None:
    assert metrics.step_of(step) == kept


def test_a_step_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(UserErrorException, match="step must be"):
        metrics.step_of(0.5)


def test_numpy_scalars_of_every_width_become_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    for kind in ("int8", "int64", "uint64"):
        assert type(metrics.scalar(getattr(numpy, kind)(3))) is int
    for kind in ("float16", "float32", "float64", "longdouble"):
        assert type(metrics.scalar(getattr(numpy, kind)(3))) is float
    assert metrics.scalar(numpy.bool_(True)) is True


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), st.text(max_size=20)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(value=_scalars, name=st.text(min_size=1, max_size=10))
def test_a_scalar_makes_the_round_trip_through_the_journal(tmp_path: Path, value: Any, name: str) -> None:
    journal = Journal(tmp_path, "run", 1)
    journal.append(name, "scalar", metrics.scalar(value), None)
    journal.close()
    assert journal.path is None
    (path,) = tmp_path.glob("*.jsonl")
    found = collate(read_file(path))
    path.unlink()
    assert found == value and type(found) is type(value)
