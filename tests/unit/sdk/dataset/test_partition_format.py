"""Columns told by paths (v1-behaviours 13.5)."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlet.sdk.dataset.partition_format import parse

NAMES = st.text("abcdefgXYZ019 _-=", min_size=1, max_size=12)


@given(NAMES, st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1)), NAMES)
def test_what_a_path_was_made_of_is_found_in_it(state: str, moment: datetime, file: str) -> None:
    moment = moment.replace(microsecond=0)
    path = f"/sales/{state}/{moment:%Y/%m/%d/%H-%M-%S}/{file}.csv".replace(f"{moment:%Y}", f"{moment.year:04d}", 1)
    found = parse("/sales/{state}/{when:yyyy/MM/dd/HH-mm-ss}/{file}.csv").match(path)
    assert found == {"state": state, "when": moment, "file": file}


def test_a_star_is_anything_and_doubled_braces_are_braces() -> None:
    form = parse("/{{x}}/*/{day:yyyyMMdd}_*.csv")
    assert form.match("/data/{x}/any/where/20200229_a.csv") == {"day": datetime(2020, 2, 29)}
    assert form.match("/data/{x}/any/where/20200230_a.csv") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Invalid partition_format"),
        ("/a/*.csv", "Invalid partition_format"),
        ("/{a", "Invalid partition_format"),
        ("/{a}/{a}", "Invalid partition_format"),
        ("/{d:MM/dd}", "Invalid partition_format"),
        ("/{a:yyyy}/{b:yyyy}", "Invalid partition_format"),
        ("/{d:yyyy/QQ}", "Invalid part"),
        ("/{}", "Invalid part"),
    ],
)
def test_a_format_that_cannot_be_read_is_a_value_error(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}"):
        parse(text)
