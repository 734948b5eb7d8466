"""Stores whose network breaks or goes silent in mid-download: what can go on goes on, all else is one clear error, and
no file is ever half there."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from amlet.base.errors import DatastoreFailed
from amlet.client.web_files import TIMEOUT_S, TRIES, fetch
from amlet.sdk.datastore_files import open_all
from azureml.core import Dataset, Datastore, Workspace
from azureml.exceptions import AzureMLException
from support.azurite import ACCOUNT, KEY, azurite
from support.cutting_proxy import CuttingProxy
from support.data_runs import workspace_of
from support.s3_server import s3_server
from support.server import RealServer
from support.web_server import web_server

MEBIBYTE = 1 << 20
SIZE = 12 * MEBIBYTE
LASTS = 5 * MEBIBYTE
"""How many bytes of answers a connection lasts."""

Register = Callable[[Workspace, str, CuttingProxy], Datastore]


@pytest.fixture(scope="module")
def workspace(shared_server: RealServer) -> Iterator[Workspace]:
    with workspace_of(shared_server, "broken-stores") as made:
        yield made


@pytest.fixture(scope="module")
def azurite_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with azurite(tmp_path_factory.mktemp("azurite")) as endpoint:
        yield int(endpoint.rpartition(":")[2])


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    with s3_server() as address:
        yield int(address.rpartition(":")[2])


def container(workspace: Workspace, name: str, proxy: CuttingProxy) -> Datastore:
    return Datastore.register_azure_blob_container(
        workspace,
        name,
        "box",
        ACCOUNT,
        account_key=KEY,
        protocol="http",
        endpoint=proxy.address,
        create_if_not_exists=True,
    )


def bucket(workspace: Workspace, name: str, proxy: CuttingProxy) -> Datastore:
    return Datastore.register_s3_bucket(
        workspace,
        name,
        "box",
        access_key_id="id",
        secret_access_key="key",
        endpoint_url=proxy.url,
        create_if_not_exists=True,
    )


ONE_STORE = pytest.mark.parametrize("held", ["s3", pytest.param("azure", marks=pytest.mark.every_fault)], indirect=True)

STORES: dict[str, tuple[str, Register]] = {"azure": ("azurite_port", container), "s3": ("s3_port", bucket)}


class Held:
    """A file on a store behind a proxy, whose answers break from now on."""

    def __init__(self, store: Datastore, proxy: CuttingProxy, data: bytes) -> None:
        self.store, self.proxy, self.data = store, proxy, data

    @property
    def files(self) -> Any:
        return Dataset.File.from_files((self.store, "large.bin"))


@pytest.fixture(params=STORES)
def held(request: pytest.FixtureRequest, workspace: Workspace, tmp_path: Path) -> Iterator[Held]:
    fixture, register = STORES[request.param]
    data = os.urandom(SIZE)
    source = tmp_path / "source" / "large.bin"
    source.parent.mkdir()
    source.write_bytes(data)
    with CuttingProxy(request.getfixturevalue(fixture)) as proxy:
        store = register(workspace, f"{request.param}_{os.urandom(4).hex()}", proxy)
        store.upload_files([str(source)], overwrite=True, show_progress=False)
        proxy.answered = 0
        yield Held(store, proxy, data)


@ONE_STORE
def test_a_download_goes_on_where_the_store_broke_off(held: Held, shared_server: RealServer, tmp_path: Path) -> None:
    held.proxy.answer_bytes = LASTS
    (place,) = held.files.download(str(tmp_path / "down"))
    assert Path(place).read_bytes() == held.data
    assert held.proxy.answered < 1.5 * SIZE
    assert "Traceback" not in shared_server.home.server_log.read_text()


@ONE_STORE
def test_a_store_that_goes_away_in_mid_download_is_one_error_and_no_file(
    held: Held, workspace: Workspace, tmp_path: Path
) -> None:
    files = held.files
    held.proxy.ends, held.proxy.answer_bytes = True, LASTS
    target = tmp_path / "down"
    with pytest.raises(AzureMLException, match=r"(Bucket|Container) box.* cannot be reached") as told:
        files.download(str(target))
    assert held.proxy.answered >= LASTS
    assert told.value.message.count("\n") == 0 and KEY not in str(told.value)
    assert [path for path in target.rglob("*") if path.is_file()] == []
    with pytest.raises(AzureMLException, match="cannot be reached"):
        Dataset.Tabular.from_parquet_files((held.store, "large.bin")).register(workspace, "half")
    assert "half" not in workspace.datasets


@pytest.mark.every_fault
def test_a_url_whose_server_goes_silent_costs_a_bounded_time(tmp_path: Path) -> None:
    with web_server() as web, CuttingProxy(web.port, answer_bytes=MEBIBYTE, stalls=True) as proxy:
        web.files["/large.bin"] = os.urandom(2 * MEBIBYTE)
        assert fetch(f"{proxy.url}/large.bin", tmp_path / "one").read_bytes() == web.files["/large.bin"]
        proxy.answer_bytes = 0
        began = time.monotonic()
        with pytest.raises(DatastoreFailed, match=r"cannot be read: .*timed out"):
            fetch(f"{proxy.url}/large.bin", tmp_path / "two")
        assert time.monotonic() - began < (TRIES + 1) * TIMEOUT_S
        assert not list((tmp_path / "two").rglob("*.part"))


@ONE_STORE
def test_a_file_that_changes_while_its_download_breaks_is_never_half_old_and_half_new(
    held: Held, tmp_path: Path
) -> None:
    files, changed = held.files, tmp_path / "source" / "large.bin"
    held.proxy.answer_bytes = LASTS
    listed = files._files()[0]
    changed.write_bytes(os.urandom(SIZE))
    held.store.upload_files([str(changed)], overwrite=True, show_progress=False)
    workspace = held.store.workspace
    with pytest.raises(AzureMLException, match="changed"):
        open_all(workspace, held.store.name, [listed.held])
    (place,) = files.download(str(tmp_path / "down"))
    assert Path(place).read_bytes() == changed.read_bytes()


@pytest.mark.every_fault
@pytest.mark.parametrize("lasts", [LASTS, 0])
def test_a_store_that_goes_silent_costs_a_bounded_time(held: Held, tmp_path: Path, lasts: int) -> None:
    files = held.files
    held.proxy.stalls, held.proxy.answer_bytes = True, lasts
    began = time.monotonic()
    if lasts:
        (place,) = files.download(str(tmp_path / "down"))
        assert Path(place).read_bytes() == held.data
    else:
        with pytest.raises(AzureMLException, match=r"(Bucket|Container) box.* cannot be reached"):
            files.download(str(tmp_path / "down"))
        assert [path for path in (tmp_path / "down").rglob("*") if path.is_file()] == []
    assert time.monotonic() - began < 120


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
def test_a_file_behind_a_url_goes_on_where_it_broke_off(tmp_path: Path, resets: bool) -> None:
    data = os.urandom(2 * MEBIBYTE)
    with web_server() as web, CuttingProxy(web.port, answer_bytes=MEBIBYTE, resets=resets) as proxy:
        web.files["/large.bin"] = data
        assert fetch(f"{proxy.url}/large.bin", tmp_path).read_bytes() == data
        assert web.asked[1].startswith("/large.bin bytes=")
        assert resets or (len(web.asked) == 3 and proxy.answered < 1.01 * len(data))


def test_a_file_of_a_server_that_cannot_send_parts_begins_again_so_often(tmp_path: Path) -> None:
    data = os.urandom(2 * MEBIBYTE)
    with web_server(knows_parts=False) as web, CuttingProxy(web.port, answer_bytes=MEBIBYTE) as proxy:
        web.files["/large.bin"] = data
        with pytest.raises(DatastoreFailed, match=r"broke off after .* of 2,097,152 bytes"):
            fetch(f"{proxy.url}/large.bin", tmp_path)
        assert len(web.asked) == 1 + TRIES  # the first, and those that brought no more
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
        proxy.answer_bytes = 3 * MEBIBYTE
        assert fetch(f"{proxy.url}/large.bin", tmp_path).read_bytes() == data


def test_a_file_behind_a_url_that_changes_meanwhile_begins_again(tmp_path: Path) -> None:
    with web_server() as web, CuttingProxy(web.port, answer_bytes=MEBIBYTE) as proxy:
        web.files["/a.bin"] = os.urandom(MEBIBYTE + 9)
        changed = os.urandom(MEBIBYTE // 2)

        class Changing(dict[str, bytes]):
            """What the second request finds is another version."""

            def get(self, path: str, otherwise: Any = None) -> Any:
                return super().get(path, otherwise) if len(web.asked) < 2 else changed

        web.files = Changing(web.files)
        assert fetch(f"{proxy.url}/a.bin", tmp_path).read_bytes() == changed


def test_a_url_whose_server_goes_away_in_mid_download_is_one_error_and_no_file(tmp_path: Path) -> None:
    with web_server() as web, CuttingProxy(web.port, answer_bytes=MEBIBYTE, ends=True) as proxy:
        web.files["/large.csv"] = b"a,b\n" + b"1,2\n" * MEBIBYTE
        with pytest.raises(AzureMLException, match=r"large\.csv cannot be read"):
            Dataset.Tabular.from_delimited_files(f"{proxy.url}/large.csv?sig=secret")
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_url_as_people_write_it_and_a_packing_of_the_transfers_own(tmp_path: Path) -> None:
    packed = gzip.compress(b"a\n1\n")
    with web_server() as web:
        web.files = {"/donn%C3%A9es%20a%2Fb.csv": b"a\n5\n", "/packed.csv": packed, "/packed.csv.gz": packed}
        web.headers = {path: {"Content-Encoding": "gzip"} for path in ("/packed.csv", "/packed.csv.gz")}
        address = f"http://127.0.0.1:{web.port}"
        assert fetch(f"{address}/donn\u00e9es a%2Fb.csv", tmp_path).read_bytes() == b"a\n5\n"
        assert fetch(f"{address}/packed.csv", tmp_path).read_bytes() == b"a\n1\n"
        assert fetch(f"{address}/packed.csv.gz", tmp_path).read_bytes() == packed  # its name says so
        web.files["/packed.csv"] = packed[:-9]
        with pytest.raises(DatastoreFailed, match="packed wrongly"):
            fetch(f"{address}/packed.csv", tmp_path)
        assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".csv", ".gz", ".json"}


def test_a_url_that_holds_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(AzureMLException, match="would be kept in the dataset") as told:
        Dataset.Tabular.from_delimited_files("https://me:hunter2@example.org/a.csv")
    assert "hunter2" not in str(told.value)
