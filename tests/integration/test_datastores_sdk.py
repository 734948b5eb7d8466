"""Datastores as v1 scripts use them, against the real server."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from amlet.base.errors import DatastoreFailed
from amlet.base.hashing import sha256_stream
from amlet.client.downloads import download
from amlet.client.uploads import send_missing
from amlet.domain.artifact import Entry
from amlet.wire.data import PutDataAnswer, PutDataFiles
from amlet.wire.files import FileQuery
from azureml.core import Dataset, Datastore, Workspace
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore
from azureml.exceptions import UserErrorException
from support.azurite import ACCOUNT, KEY, azurite
from support.mariadb import PASSWORD, mariadb
from support.s3_server import s3_server
from support.server import RealServer, until


@pytest.fixture(scope="module")
def workspace(shared_server: RealServer) -> Iterator[Workspace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLET_URL", shared_server.url)
        patch.setenv("AMLET_TOKEN", shared_server.token)
        made = Workspace.create("stores", exist_ok=True)
        yield made
        made._connection.client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "given"
    (place / "deep").mkdir(parents=True)
    (place / "a.txt").write_text("a")
    (place / "deep" / "b.txt").write_text("bb")
    return place


def test_every_workspace_has_two_and_a_default_that_can_be_changed(workspace: Workspace, tmp_path: Path) -> None:
    assert isinstance(workspace.datastores["workspaceblobstore"], AzureBlobDatastore)
    assert isinstance(workspace.datastores["workspacefilestore"], AzureFileDatastore)
    default = workspace.get_default_datastore()
    assert (default.name, default.datastore_type, default.account_key) == ("workspaceblobstore", "AzureBlob", None)
    other = Datastore.register_folder(workspace, "disk", str(tmp_path))
    other.set_as_default()
    assert Datastore(workspace).name == "disk"
    other.unregister()
    assert Datastore.get_default(workspace).name == "workspaceblobstore"
    with pytest.raises(UserErrorException, match='no datastore "disk"'):
        Datastore.get(workspace, "disk")


def test_uploads_and_downloads_print_v1s_lines_and_count(
    workspace: Workspace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, target = Datastore(workspace), "up"
    reference = store.upload(str(folder), target, show_progress=True)
    assert re.fullmatch(r"\$AZUREML_DATAREFERENCE_[0-9a-f]{32}", str(reference))
    # v1-behaviours 13.15
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Uploading an estimated of 2 files"
    assert f"Uploading {folder}/a.txt" in printed
    assert f"Uploaded {folder}/a.txt, 1 files out of an estimated total of 2" in printed
    assert printed[-1] == "Uploaded 2 files"
    (folder / "a.txt").write_text("changed")
    store.upload(str(folder), target)
    assert f"Target already exists. Skipping upload for {folder}/a.txt" in capsys.readouterr().out
    assert store.download(str(tmp_path / "down"), target, show_progress=False) == 2
    assert (tmp_path / "down" / target / "a.txt").read_text() == "a"
    assert store.download(str(tmp_path / "down"), target, show_progress=False) == 0
    store.upload_files([str(folder / "a.txt")], target_path=target, overwrite=True, show_progress=False)
    assert store.download(str(tmp_path / "down"), f"{target}/a", overwrite=True, show_progress=False) == 1
    assert (tmp_path / "down" / target / "a.txt").read_text() == "changed"
    assert store.download(str(tmp_path / "down"), "nope", show_progress=False) == 0


def test_all_files_that_cannot_be_uploaded_are_named(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(UserErrorException) as told:
        Datastore(workspace).upload_files([str(folder / "a.txt"), "nope", "/etc/hostname"], str(folder))
    assert "2 of 3" in str(told.value)
    assert "nope: is no file" in str(told.value)
    with pytest.raises(UserErrorException, match="is not a folder"):
        Datastore(workspace).upload("nope")


def test_a_container_of_azures_is_used_as_any_other_and_its_key_is_nowhere(
    workspace: Workspace, folder: Path, tmp_path: Path, shared_server: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with azurite(tmp_path / "azurite") as endpoint:
        address = {"account_name": ACCOUNT, "protocol": "http", "endpoint": endpoint}
        with pytest.raises(UserErrorException, match="is not there"):
            Datastore.register_azure_blob_container(workspace, "blobs", "container1", account_key=KEY, **address)
        assert "blobs" not in workspace.datastores
        store = Datastore.register_azure_blob_container(
            workspace, "blobs", "container1", account_key=KEY, create_if_not_exists=True, **address
        )
        assert (store.credential_type, store.account_key, store.container_name) == ("AccountKey", None, "container1")
        with pytest.raises(UserErrorException, match="already exists"):
            Datastore.register_azure_blob_container(workspace, "blobs", "container1", account_key=KEY, **address)
        with pytest.raises(UserErrorException, match="does not let us in") as told:
            Datastore.register_azure_blob_container(
                workspace, "blobs", "container1", account_key=KEY[::-1].strip("=") + "==", overwrite=True, **address
            )
        store.upload(str(folder), "up")
        store.upload(str(folder), "up")
        printed = capsys.readouterr().out
        assert "Uploaded 2 files" in printed
        assert f"Target already exists. Skipping upload for {folder}/a.txt" in printed
        assert store.download(str(tmp_path / "down"), "up", show_progress=False) == 2
        assert (tmp_path / "down" / "up" / "deep" / "b.txt").read_text() == "bb"
    with pytest.raises(UserErrorException, match="cannot be reached"):
        store.download(str(tmp_path / "again"), "up", show_progress=False)
    assert not list((tmp_path / "again").rglob("*"))
    assert KEY[:20] not in str(told.value)
    for path in shared_server.home.root.rglob("*"):
        if path.is_file() and path.name != "secret.key":
            assert KEY.encode() not in path.read_bytes(), path


def test_the_servers_own_files_are_no_datastore(
    workspace: Workspace, shared_server: RealServer, tmp_path: Path
) -> None:
    home = shared_server.home.root
    (tmp_path / "link").symlink_to(home)
    for path in (str(home), str(home / "blobs"), str(home.parent), "/", str(tmp_path / "link"), "relative"):
        with pytest.raises(UserErrorException, match=r"own files|absolute"):
            Datastore.register_folder(workspace, "own", path)


def test_what_v1_had_and_is_refused_says_what_to_use(workspace: Workspace) -> None:
    for name in ("register_azure_data_lake", "register_dbfs", "register_hdfs"):
        with pytest.raises(UserErrorException, match="amlet does not have"):
            getattr(Datastore, name)(workspace, "x")


def test_a_database_of_mysqls_is_read_as_a_table(workspace: Workspace) -> None:
    fill = (
        "CREATE TABLE sales (id int, amount decimal(10, 2), sold datetime, big bigint unsigned, at time);\n"
        "INSERT INTO sales VALUES (1, 1.10, '2020-01-01 10:00:00', 18446744073709551615, '10:30:00');\n"
        "INSERT INTO sales VALUES (2, NULL, NULL, 1, NULL);\n"
    )
    with mariadb(fill) as settings:
        with pytest.raises(UserErrorException, match="does not let us in") as told:
            Datastore.register_azure_my_sql(workspace, "shop", user_password="wrong-secret", **settings)
        assert "wrong-secret" not in str(told.value) and "shop" not in workspace.datastores
        store = Datastore.register_azure_my_sql(workspace, "shop", user_password=PASSWORD, **settings)
        table = Dataset.Tabular.from_sql_query((store, "SELECT * FROM sales ORDER BY id"))
        table.register(workspace, "sales-of-mysql")
        frame = Dataset.get_by_name(workspace, "sales-of-mysql").to_pandas_dataframe()
        assert frame["amount"].tolist()[0] == 1.1
        assert frame["sold"].tolist()[0] == pd.Timestamp("2020-01-01 10:00")
        assert frame["big"].tolist() == [2.0**64, 1.0]
        later = Dataset.Tabular.from_sql_query((store, "SELECT seq + 9223372036854775605 AS n FROM seq_1_to_203"))
        assert later.to_pandas_dataframe()["n"].isna().sum() == 1  # types are told by the first 200 rows
        assert frame["at"].tolist()[0] == "10:30:00"
    with pytest.raises(UserErrorException, match="cannot be reached"):
        table.to_pandas_dataframe()


def test_a_store_that_goes_away_in_the_middle_of_a_download_leaves_no_file(
    workspace: Workspace, tmp_path: Path
) -> None:
    held, source, target = workspace._connection, tmp_path / "large.bin", tmp_path / "back.bin"
    source.write_bytes(b"0123456789abcdef" * (4 << 20))
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(s3_server())
        store = Datastore.register_s3_bucket(
            workspace,
            "bucket",
            "gone",
            access_key_id="key",
            secret_access_key="secret",
            endpoint_url=address,
            create_if_not_exists=True,
        )
        store.upload_files([str(source)], show_progress=False)

        def go_away(done: int, total: int | None) -> None:
            stack.close()

        api, workspace_id = held.client.datastores, held.workspace_id
        with pytest.raises(DatastoreFailed, match="cannot be reached"):
            download(
                lambda offset: api.file(workspace_id, "bucket", FileQuery("large.bin", offset)),
                target,
                progress=go_away,
            )
    assert [path.name for path in tmp_path.iterdir()] == ["large.bin"]


def test_a_write_that_takes_longer_than_a_client_waits_is_asked_after_and_done_once(
    workspace: Workspace, tmp_path: Path
) -> None:
    held, source = workspace._connection, tmp_path / "slow.bin"
    source.write_bytes(b"0123456789" * 1000)
    with source.open("rb") as stream:
        sha256, size = sha256_stream(stream)
    asked = PutDataFiles([Entry("slow.bin", sha256, size)], request_id="one", wait_s=0.0)

    def ask(request: PutDataFiles) -> PutDataAnswer | None:
        answer = held.client.datastores.put_files(held.workspace_id, "workspaceblobstore", request)
        return None if answer.is_pending else answer

    assert ask(asked) is None  # it has begun
    assert until(lambda: ask(asked), what="the blobs it lacks").missing == [sha256]
    send_missing(held.client, held.workspace_id, [sha256], {sha256: (source, size)})
    # The same request, asked again, is the same piece of work: what it wrote itself was not there before.
    for _ in range(2):
        assert until(lambda: ask(asked), what="the write") == PutDataAnswer([])
    again = asked._replace(request_id="two")
    assert until(lambda: ask(again), what="the next write") == PutDataAnswer([], ["slow.bin"])
