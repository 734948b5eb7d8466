"""Data that is wrong, or goes away: one clear error each, nothing half registered, no partial file under its name."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

from amlet.base.hashing import sha256_bytes
from amlet.sdk.dataset.data_type import DataType
from azureml.core import Dataset, Datastore, Workspace
from azureml.exceptions import AzureMLException, UserErrorException
from support.azurite import ACCOUNT, KEY, azurite
from support.cutting_proxy import CuttingProxy
from support.data_runs import workspace_of
from support.s3_server import s3_server
from support.server import RealServer

WRONG = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmc="


@pytest.fixture(scope="module")
def workspace(shared_server: RealServer) -> Iterator[Workspace]:
    with workspace_of(shared_server, "bad-data") as made:
        yield made


@pytest.fixture(autouse=True)
def _the_server(shared_server: RealServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMLET_HOME", str(shared_server.home.root))


@pytest.fixture(scope="module")
def given(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that are wrong in one way each, and the same on the default datastore below `given`."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "a.csv").write_text("a,b\n1,x\n2,y\n")
    (folder / "mixed.csv").write_text("a,b\n" + "1,x\n" * 40_000 + "two,y\n" + "1,x\n" * 100)
    (folder / "uneven.csv").write_text("a,b\n1,x\n1,2,3\n")
    (folder / "bytes.csv").write_bytes(b"a,b\n1,\xff\xfe\n")
    (folder / "empty.csv").write_text("")
    (folder / "lines.jsonl").write_text('{"a": 1}\n{"a": \n')
    pd.DataFrame({"a": range(1000)}).to_parquet(folder / "a.parquet")
    whole = (folder / "a.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    broken = bytearray(whole)
    broken[-60:-20] = b"\0" * 40
    (folder / "footer.parquet").write_bytes(bytes(broken))
    spoilt = bytearray(whole)
    spoilt[8:400] = b"\xff" * 392
    (folder / "pages.parquet").write_bytes(bytes(spoilt))
    Datastore(workspace).upload(str(folder), "given", show_progress=False)
    return folder


Tabular = Dataset.Tabular

READS: dict[str, tuple[Callable[[object], object], str, str]] = {
    "a path that is not there": (Tabular.from_delimited_files, "nope/a.csv", "no file or folder"),
    "a glob that matches nothing": (Tabular.from_parquet_files, "*.nope", r"[Nn]o file matches"),
    "a folder without files": (Dataset.File.from_files, "nope/", "no file or folder"),
    "rows of other lengths": (Tabular.from_delimited_files, "uneven.csv", "3 fields where the first row has 2"),
    "another encoding": (Tabular.from_delimited_files, "bytes.csv", "is no text in utf8"),
    "an empty file": (Tabular.from_delimited_files, "empty.csv", "is empty: it has no columns"),
    "a line that is no object": (Tabular.from_json_lines_files, "lines.jsonl", "line 2"),
    "half a Parquet file": (Tabular.from_parquet_files, "cut.parquet", "footer is broken"),
    "a broken footer": (Tabular.from_parquet_files, "footer.parquet", "footer is broken"),
    "broken pages": (lambda path: Tabular.from_parquet_files(path).to_pandas_dataframe(), "pages.parquet", "cannot be"),
    "a column that is not there": (
        lambda path: Tabular.from_delimited_files(path, set_column_types={"c": DataType.to_long()}),
        "a.csv",
        "no column 'c'",
    ),
    "a column to keep that is not there": (
        lambda path: Tabular.from_delimited_files(path).keep_columns(["aa"], validate=True),
        "a.csv",
        "no column 'aa'",
    ),
    "mixed types": (
        lambda path: Tabular.from_delimited_files(path).to_pandas_dataframe(on_error="fail"),
        "mixed.csv",
        "Column 'a': 'two' of .* is no long",
    ),
}


@pytest.mark.parametrize("what", READS)
@pytest.mark.parametrize("place", ["here", "datastore"])
def test_data_that_is_wrong_is_one_clear_error_and_nothing_is_registered(
    workspace: Workspace, given: Path, what: str, place: str
) -> None:
    read, name, words = READS[what]
    path: object = str(given / name) if place == "here" else (Datastore(workspace), f"given/{name}")
    before = dict(workspace.datasets)
    with pytest.raises(UserErrorException, match=words) as told:
        read(path)
    # One sentence on what is wrong, with what it is about; no error of a library's own.
    assert told.value.message.endswith(".") and told.value.message.count("\n") == 0
    assert dict(workspace.datasets) == before


def test_mixed_types_are_null_and_counted(given: Path, capfd: pytest.CaptureFixture[str]) -> None:  # v1-behaviours 13.8
    frame = Tabular.from_delimited_files(str(given / "mixed.csv")).to_pandas_dataframe()
    assert (len(frame), int(frame["a"].isna().sum()), int(frame["a"].sum())) == (40_101, 1, 40_100)
    assert "column 'a': 1 value is read as null: 'two'" in capfd.readouterr().err


def test_a_file_that_is_gone_since_is_an_error_and_leaves_no_file(workspace: Workspace, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "a.csv").write_text("a\n1\n")
    files = Dataset.File.from_files(str(source))
    (source / "a.csv").unlink()
    for call in (lambda: files.download(str(target)), lambda: files.register(workspace, "gone")):
        with pytest.raises(UserErrorException, match="no file"):
            call()
    assert not list(target.rglob("*")) and "gone" not in workspace.datasets


def test_wrong_credentials_register_nothing_and_stand_nowhere(
    workspace: Workspace, shared_server: RealServer, tmp_path: Path
) -> None:
    with azurite(tmp_path) as endpoint:

        def register(name: str, **more: object) -> object:
            return Datastore.register_azure_blob_container(
                workspace, name, "box", ACCOUNT, protocol="http", endpoint=endpoint, **more
            )

        with pytest.raises(UserErrorException, match="does not let us in") as told:
            register("wrong", account_key=WRONG)
        assert WRONG not in str(told.value)
        assert "wrong" not in workspace.datastores
        register("right", account_key=KEY, create_if_not_exists=True)
        with pytest.raises(UserErrorException, match="same name already exists"):
            register("right", account_key=KEY)
        with pytest.raises(UserErrorException, match="does not let us in"):
            register("right", account_key=WRONG, overwrite=True)
        # What was there stays as it was.
        (tmp_path / "a.txt").write_text("a")
        Datastore.get(workspace, "right").upload_files([str(tmp_path / "a.txt")], show_progress=False)
        assert Dataset.File.from_files((Datastore.get(workspace, "right"), "a.txt")).to_path() == ["/a.txt"]
    assert WRONG not in shared_server.home.server_log.read_text()


def _bucket(workspace: Workspace, name: str, address: str) -> Datastore:
    return Datastore.register_s3_bucket(
        workspace,
        name,
        "a-bucket",
        access_key_id="id",
        secret_access_key="key",
        endpoint_url=address,
        create_if_not_exists=True,
        overwrite=True,
    )


def test_a_store_that_has_gone_away_leaves_no_file_and_no_record(workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_text("small")
    (source / "large.bin").write_bytes(os.urandom(24 << 20))
    (tmp_path / "target").mkdir()
    with contextlib.ExitStack() as stack:
        store = _bucket(workspace, "away", stack.enter_context(s3_server()))
        store.upload(str(source), "given", show_progress=False)
        files = Dataset.File.from_files((store, "given"))
        assert sorted(files.to_path()) == ["/a.txt", "/large.bin"]
        stack.close()
    for call in (
        lambda: files.download(str(tmp_path / "target")),
        lambda: files.mount(str(tmp_path / "mounted")).start(),
        lambda: store.download(str(tmp_path / "target"), show_progress=False),
        lambda: files.register(workspace, "away").take(1).to_path(),
    ):
        with pytest.raises(AzureMLException, match="Bucket a-bucket cannot be reached"):
            call()
    assert not list((tmp_path / "target").rglob("*")) and not (tmp_path / "mounted").exists()


def test_an_upload_to_a_datastore_goes_on_where_the_network_broke_off(
    workspace: Workspace, shared_server: RealServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 10 << 20
    (tmp_path / "large.bin").write_bytes(os.urandom(size))
    with s3_server() as address:
        _bucket(workspace, "broken", address)
        port = urlsplit(shared_server.url).port
        assert port is not None
        with CuttingProxy(port, every_bytes=64 << 10) as proxy:
            monkeypatch.setenv("AMLET_URL", proxy.url)
            monkeypatch.setenv("AMLET_TOKEN", shared_server.token)
            far = Workspace.create("bad-data", exist_ok=True)
            Datastore.get(far, "broken").upload_files([str(tmp_path / "large.bin")], show_progress=False)
            far._connection.client.close()
            assert proxy.connections > 160
            assert proxy.bytes <= 1.1 * size
        (found,) = Dataset.File.from_files((Datastore.get(workspace, "broken"), "large.bin")).download(
            str(tmp_path / "b")
        )
        assert sha256_bytes(Path(found).read_bytes()) == sha256_bytes((tmp_path / "large.bin").read_bytes())


TRANSFER = """
import json, os, pathlib, re, sys
from azureml.core import Dataset, Datastore, Workspace
store = Datastore.get(Workspace.get("bad-data"), "large")
store.upload_files([sys.argv[1]], show_progress=False)
os.unlink(sys.argv[1])
store.download(sys.argv[2], show_progress=False)
os.unlink(next(pathlib.Path(sys.argv[2]).rglob("*.bin")))
Dataset.File.from_files((store, "*.bin")).download(sys.argv[2])
server = json.loads(pathlib.Path(os.environ["AMLET_HOME"], "server.json").read_text())["pid"]
for process in ("self", server):
    print(int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path(f"/proc/{process}/status").read_text()).group(1)) >> 10)
"""


@pytest.mark.every_fault
def test_a_large_file_goes_to_a_container_and_back_in_little_memory(fresh_server: RealServer, tmp_path: Path) -> None:
    import subprocess
    import sys

    with (tmp_path / "large.bin").open("wb") as file:
        for _ in range(384):
            file.write(os.urandom(1 << 20))
    variables = fresh_server.variables()
    with azurite(tmp_path / "azure") as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLET_HOME", str(fresh_server.home.root))
        workspace = Workspace.create("bad-data", exist_ok=True)
        Datastore.register_azure_blob_container(
            workspace,
            "large",
            "box",
            ACCOUNT,
            account_key=KEY,
            protocol="http",
            endpoint=endpoint,
            create_if_not_exists=True,
        )
        workspace._connection.client.close()
        told = subprocess.run(
            [sys.executable, "-c", TRANSFER, str(tmp_path / "large.bin"), str(tmp_path / "back")],
            env=variables,
            capture_output=True,
            text=True,
        )
    assert told.returncode == 0, told.stderr
    client, server = map(int, told.stdout.split())
    assert client < 100 and server < 200, json.dumps([client, server])
