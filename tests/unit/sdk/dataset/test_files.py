"""Datasets of files: which, where they come to be, and what is in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.sdk.dataset import Dataset, FileDataset
from amlet.sdk.exceptions import UserErrorException


@pytest.fixture
def files(tmp_path: Path) -> FileDataset:
    for name in ("in/north/a.csv", "in/north/b.txt", "in/south/c.csv"):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(name)
    return Dataset.File.from_files(str(tmp_path / "in"), partition_format="/{region}/{file}.*")


def test_files_are_downloaded_in_their_layout(files: FileDataset, tmp_path: Path) -> None:  # v1-behaviours 13.13
    assert files.to_path() == ["/north/a.csv", "/north/b.txt", "/south/c.csv"]
    (tmp_path / "out/south").mkdir(parents=True)
    (tmp_path / "out/south/c.csv").write_text("mine")
    with pytest.raises(UserErrorException, match="there already"):
        files.download(str(tmp_path / "out"))
    assert not (tmp_path / "out/north").exists()
    found = files.download(str(tmp_path / "out"), overwrite=True)
    assert [Path(path).read_text() for path in found] == ["in/north/a.csv", "in/north/b.txt", "in/south/c.csv"]


def test_files_are_chosen_by_what_their_paths_tell(files: FileDataset) -> None:
    assert files.filter(files["region"] == "south").to_path() == ["/south/c.csv"]
    assert files.filter(files.file_metadata("Extension") == ".txt").to_path() == ["/north/b.txt"]
    assert files.skip(1).take(1).to_path() == ["/north/b.txt"]
    assert files.get_partition_key_values(["region"]) == [{"region": "north"}, {"region": "south"}]


def test_a_mount_is_links_and_goes_away(files: FileDataset, tmp_path: Path) -> None:
    point = tmp_path / "point"
    for made in (files, files.take(2)):
        with made.mount(str(point)) as context:
            assert (Path(context.mount_point) / "north/a.csv").read_text() == "in/north/a.csv"
        assert not point.exists()
    assert (tmp_path / "in/north/a.csv").exists()
    with pytest.raises(UserErrorException, match="not an empty folder"):
        files.mount(str(tmp_path / "in")).start()
