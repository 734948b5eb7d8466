"""Names of files behind URLs, and what of their cache is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from amlet.base.errors import InvalidInput
from amlet.client.datastore_files import UNUSED_S, prune
from amlet.client.web_files import fetch, name_of, names_of


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/data/a.csv", "a.csv"),
        ("https://host/b%20%C3%BC.csv?x=1", "b ü.csv"),
        ("https://host/", "file"),
        ("https://host", "file"),
        ("https://host/a/..", "file"),
        ("https://host/a%00b", "ab"),
    ],
)
def test_a_file_is_called_as_its_url_ends(url: str, name: str) -> None:
    assert name_of(url) == name


def test_files_that_end_alike_are_told_apart_and_none_leads_out_of_its_folder() -> None:
    urls = ["https://one/a.csv", "https://two/x/a.csv", "https://two/x/a.csv?v=2", "https://two/b.csv"]
    first, second, third, fourth = names_of(urls)
    assert (first, second, fourth) == ("one/a.csv", "two/x/a.csv", "b.csv")
    assert third.startswith("two/x/a.csv-")
    assert names_of(["https://h/../../a", "https://h/./b/a"]) == ["h/a", "h/b/a"]


def test_only_the_web_is_fetched(tmp_path: Path) -> None:
    for url in ("file:///etc/passwd", "ftp://host/a", "wasbs://c@a.blob.core.windows.net/x?sig=secret"):
        with pytest.raises(InvalidInput, match="only http and https can") as told:
            fetch(url, tmp_path)
        assert "secret" not in str(told.value)
    assert not list(tmp_path.iterdir())


def test_what_nobody_asked_for_in_a_long_time_goes_with_all_of_its_folder(tmp_path: Path) -> None:
    for folder, age_s in (("old", UNUSED_S + 10), ("new", 0)):
        for name in ("a.csv", ".amlet-tags.json"):
            place = tmp_path / "web" / folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("12345")
            os.utime(place, (1_000_000_000 - age_s, 1_000_000_000 - age_s))
    assert prune(tmp_path, now_s=1_000_000_000) >= 5
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.csv")) == ["web/new/a.csv"]
    assert not (tmp_path / "web" / "old").exists()
