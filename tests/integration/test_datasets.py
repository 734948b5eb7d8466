"""Datasets on a real server: defined, registered, found again, read, downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from amlet.sdk.connection import Connection, Names
from amlet.sdk.dataset import Dataset
from amlet.sdk.dataset_consumption_config import DatasetConsumptionConfig
from amlet.sdk.datastore import Datastore
from amlet.sdk.datastore_files import list_files
from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.workspace import Workspace
from support.server import RealServer

FRAME = pd.DataFrame({"city": ["Oslo", "Rome", "Oslo"], "sold": [1, 2, 3]})


@pytest.fixture(scope="module")
def workspace(shared_server: RealServer) -> Iterator[Workspace]:
    patch = pytest.MonkeyPatch()
    patch.setenv("AMLET_HOME", str(shared_server.home.root))
    held = Connection(Names("sub", "group", "datasets"))
    held.ensure(create=True)  # connects now: each test has another home, where a server would start by itself
    yield Workspace("sub", "group", "datasets", _held=held)
    held.client.close()
    patch.undo()


@pytest.fixture
def store(workspace: Workspace) -> Any:
    return Datastore.get_default(workspace)


def test_a_data_frame_is_registered_and_read_back_by_name_and_version(workspace: Workspace, store: Any) -> None:
    made = Dataset.Tabular.register_pandas_dataframe(FRAME, (store, "frames"), "sales", tags={"of": "shop"})
    again = Dataset.Tabular.register_pandas_dataframe(FRAME.head(1), (store, "frames"), "sales")
    assert (made.version, again.version) == (1, 2)
    pd.testing.assert_frame_equal(Dataset.get_by_name(workspace, "sales", 1).to_pandas_dataframe(), FRAME)
    assert len(Dataset.get_by_name(workspace, "sales").to_pandas_dataframe()) == 1
    assert Dataset.get_by_id(workspace, made.id).tags == {"of": "shop"}
    assert "sales" in workspace.datasets


def test_a_taken_name_and_an_identical_definition_are_refused(  # v1-behaviours 13.9
    workspace: Workspace, store: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    files = Dataset.File.upload_directory(str(tmp_path), (store, "taken"), show_progress=False)
    files.register(workspace, "taken")
    with pytest.raises(UserErrorException, match="already a dataset registered under name"):
        files.take(1).register(workspace, "taken")
    with pytest.raises(UserErrorException, match="name='taken', version=1"):
        files.register(workspace, "taken", create_new_version=True)


def test_tags_change_and_all_versions_go(workspace: Workspace, store: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    plain = Dataset.File.upload_directory(str(tmp_path), (store, "tags"), show_progress=False)
    with pytest.raises(UserErrorException, match="registered datasets"):  # v1-behaviours 19i
        plain.add_tags({"a": "1"})
    held = plain.register(workspace, "tagged", tags={"a": "1", "b": 2})
    held.remove_tags(["a"]).add_tags({"c": "3"}).update(description="words")
    found = Dataset.get_by_name(workspace, "tagged")
    assert (found.tags, found.description) == ({"b": "2", "c": "3"}, "words")
    held.unregister_all_versions()
    with pytest.raises(UserErrorException, match='no dataset "tagged"'):
        Dataset.get_by_name(workspace, "tagged")


def test_local_files_are_uploaded_when_they_are_registered(workspace: Workspace, tmp_path: Path) -> None:  # 19j
    (tmp_path / "deep").mkdir()
    for name in ("one.csv", "deep/two.csv"):
        (tmp_path / name).write_text("a,b\n1,x\n")
    local = Dataset.Tabular.from_delimited_files(str(tmp_path))
    held = local.register(workspace, "from-here")
    for file in tmp_path.rglob("*.csv"):
        file.unlink()
    assert Dataset.get_by_name(workspace, "from-here").to_pandas_dataframe()["b"].tolist() == ["x", "x"]
    assert held.id is not None


def test_the_first_generation_is_registered_found_and_changed(workspace: Workspace, store: Any) -> None:
    sales = Dataset.from_pandas_dataframe(FRAME, path=(store, "first"))
    held = sales.register(workspace, "first", "of 2019", {"by": "hand"})
    assert (held.name, held.definition_version, held.description, held.tags) == (
        "first",
        "1",
        "of 2019",
        {"by": "hand"},
    )
    with pytest.raises(UserErrorException, match="exist_ok=True"):
        sales.register(workspace, "first")
    assert sales.register(workspace, "first", exist_ok=True, update_if_exist=True).definition_version == "1"
    few = Dataset(sales.definition.take(1)).register(workspace, "first", exist_ok=True, update_if_exist=True)
    assert (few.definition_version, few.head(5)["city"].tolist()) == ("2", ["Oslo"])
    cities = few.update_definition(few.definition.keep_columns(["city"]), "cities alone")
    assert (cities.definition_version, cities.description) == ("3", "cities alone")
    found = Dataset.get(workspace, name="first").update(tags={"by": "machine"})
    assert (found.id, list(found.head(1)), found.tags) == (cities.id, ["city"], {"by": "machine"})
    assert list(found.get_definitions()) == ["3", "2", "1"]
    assert list(found.get_definition("1").to_pandas_dataframe()) == ["city", "sold"]
    pd.testing.assert_frame_equal(Dataset(None, workspace, id=held.id).to_pandas_dataframe(), FRAME)
    assert "first" in [dataset.name for dataset in Dataset.list(workspace)]
    with pytest.raises(UserErrorException, match="either a name or an id"):
        Dataset.get(workspace)
    with pytest.raises(UserErrorException, match="registered datasets"):
        sales.update_definition(found, "again")


def test_a_table_is_partitioned_on_a_datastore(workspace: Workspace, store: Any) -> None:
    made = Dataset.Tabular.register_pandas_dataframe(FRAME, (store, "parts"), "whole", show_progress=False)
    parts = made.partition_by(["city"], (store, "by-city"), name="by-city", show_progress=False)
    assert parts.partition_keys == ["city"]
    assert parts.get_partition_key_values() == [{"city": "Oslo"}, {"city": "Rome"}]
    oslo = parts.filter(parts["city"] == "Oslo").to_pandas_dataframe()
    assert oslo["sold"].tolist() == [1, 3]


def test_a_name_that_cannot_be_registered_brings_no_data(workspace: Workspace, store: Any, tmp_path: Path) -> None:
    made = Dataset.Tabular.register_pandas_dataframe(FRAME, (store, "bad"), "good", show_progress=False)
    (tmp_path / "a.csv").write_text("a\n1\n")
    local = Dataset.Tabular.from_delimited_files(str(tmp_path / "a.csv"))
    before = {file.path for file in list_files(workspace, store.name)}
    for name, words in (("a/b", "cannot be the name of a dataset"), ("", "not empty")):
        with pytest.raises(UserErrorException, match=words):
            Dataset.Tabular.register_pandas_dataframe(FRAME, (store, "bad"), name, show_progress=False)
        with pytest.raises(UserErrorException, match=words):
            made.partition_by(["city"], (store, "bad"), name=name, show_progress=False)
        with pytest.raises(UserErrorException, match=words):
            made.to_csv_files().register(workspace, name)
        with pytest.raises(UserErrorException, match=words):
            local.register(workspace, name)
    with pytest.raises(UserErrorException, match="at most"):
        local.register(workspace, "new", description="x" * 1_000_000)
    for tags, words in ((["a"], "is no dict"), ({"a": [1]}, "are no texts")):
        with pytest.raises(UserErrorException, match=words):
            local.register(workspace, "new", tags=tags)  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="already a dataset registered under name"):
        local.register(workspace, "good")
    assert {file.path for file in list_files(workspace, store.name)} == before
    assert not {"a/b", "", "new"} & set(workspace.datasets)


def test_equal_tables_are_written_to_a_datastore_once(workspace: Workspace, store: Any) -> None:
    made = Dataset.Tabular.register_pandas_dataframe(FRAME, (store, "once"), "once", show_progress=False)
    for written in (made.to_csv_files(), made.to_parquet_files()):
        name = f"written-{written._definition['written']['form']}"
        first = written.register(workspace, name)
        before = {file.path for file in list_files(workspace, store.name)}
        with pytest.raises(UserErrorException, match=f"name='{name}', version=1"):  # v1-behaviours 13.9
            written.register(workspace, name, create_new_version=True)
        fewer = made.take(1).to_csv_files().register(workspace, name, create_new_version=True)
        assert (first.version, fewer.version) == (1, 2)
        after = {file.path for file in list_files(workspace, store.name)}
        assert len(after - before) <= 1


def test_what_a_job_gets_of_a_chosen_file_or_a_written_table_are_files(workspace: Workspace, store: Any) -> None:
    made = Dataset.Tabular.register_pandas_dataframe(FRAME, (store, "jobs"), "jobs", show_progress=False)
    config = made.to_csv_files().as_named_input("rows").as_mount()
    assert isinstance(config, DatasetConsumptionConfig)
    record = config.dataset._to_record(workspace)
    files = Dataset.get_by_id(workspace, record.id)
    assert Path(files.download()[0]).read_text() == "city,sold\nOslo,1\nRome,2\nOslo,3\n"


@pytest.mark.parametrize("path", ["nothing/here", "nothing/*.csv"])
def test_a_path_that_is_not_there_is_one_error(store: Any, path: str) -> None:
    with pytest.raises(UserErrorException, match="nothing"):
        Dataset.Tabular.from_delimited_files((store, path))
