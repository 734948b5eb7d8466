"""The contract of stores of files, which every one keeps: a folder, Azure's blob storage (Azurite), S3 (moto).

Azure's file shares have no emulator: theirs is a server of ours, which speaks what Azure's own library asks of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.base.errors import AmletError, DatastoreFailed, InvalidInput, NotFound, StorageFailed
from amlet.datastores.azure_blob import AzureBlobStore
from amlet.datastores.azure_file import AzureFileStore
from amlet.datastores.base import FileStore
from amlet.datastores.folder import FolderStore
from amlet.datastores.s3 import S3Store
from support.azurite import ACCOUNT, KEY, azurite, free_port
from support.file_share import file_shares
from support.s3_server import s3_server

HARD = ("plain.csv", "a/b/c.txt", "a/b.csv", "blank and 'quote\".txt", "ünïcödé/日本 😀.csv", "a+b%20c&d=e;f#g.txt")
S3_KEYS = {"access_key_id": "key", "region": "us-east-1"}


@pytest.fixture(scope="module")
def azurite_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def shares_at() -> Iterator[str]:
    with file_shares() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def s3_at() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["folder", "own folder", "azure blob", "azure file", "s3", "s3 with a prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if "folder" in request.param:
        return FolderStore(tmp_path / "it's a föld%20er", own=request.param == "own folder")
    name = f"c{abs(hash(request.node.name)) % 10**12}"
    if request.param == "azure blob":
        endpoint = request.getfixturevalue("azurite_at")
        return AzureBlobStore(_azure(name, endpoint), {"account_key": KEY})
    if request.param == "azure file":
        return AzureFileStore(_azure(name, request.getfixturevalue("shares_at")), {"account_key": KEY})
    settings = {"bucket": name, "endpoint_url": request.getfixturevalue("s3_at"), **S3_KEYS}
    if "prefix" in request.param:
        settings["prefix"] = "below/here"
    return S3Store(settings, {"secret_access_key": "secret"})


def _azure(container: str, endpoint: str) -> dict[str, str]:
    return {"account_name": ACCOUNT, "container_name": container, "protocol": "http", "endpoint": endpoint}


def put(store: FileStore, path: str, data: bytes) -> None:
    store.write(path, io.BytesIO(data), len(data))


def get(store: FileStore, path: str, offset: int = 0) -> bytes:
    stream, total, version = store.open(path, offset)
    try:
        data = b""
        while chunk := stream.read(7):
            assert len(chunk) <= 7
            data += chunk
    finally:
        stream.close()
    assert total == offset + len(data) or offset >= total
    held = store.stat(path)
    assert held is not None and (held.size_bytes, held.version) == (total, version)
    return data


def test_one_that_is_not_there_is_said_so_and_is_made_when_asked(
    store: FileStore, request: pytest.FixtureRequest
) -> None:
    if "own folder" not in request.node.name:
        with pytest.raises((NotFound, InvalidInput), match="is not"):
            store.check(create=False)
    store.check(create=True)
    store.check(create=False)
    assert list(store.list()) == []


def test_files_of_any_name_come_back_as_they_were(store: FileStore) -> None:
    store.check(create=True)
    for path in HARD:
        put(store, path, path.encode())
    assert {file.path: file.size_bytes for file in store.list()} == {path: len(path.encode()) for path in HARD}
    for path in HARD:
        assert get(store, path) == path.encode()
        held = store.stat(path)
        assert held is not None
        assert [held] == list(store.list(path)) or any(letter in path for letter in "*?[")


def test_a_pattern_names_files_folders_and_globs(store: FileStore) -> None:
    store.check(create=True)
    for path in ("data/2019/a.csv", "data/2020/a.csv", "data/2020/b.json", "data2/a.csv", "top.csv", "data/x[1].csv"):
        put(store, path, b"1")

    def named(pattern: str) -> list[str]:
        return sorted(file.path for file in store.list(pattern))

    assert named("data/2020") == named("data/2020/") == ["data/2020/a.csv", "data/2020/b.json"]
    assert named("data") == ["data/2019/a.csv", "data/2020/a.csv", "data/2020/b.json", "data/x[1].csv"]
    assert named("top.csv") == ["top.csv"]
    assert named("*.csv") == ["top.csv"]
    assert named("data/*/a.csv") == ["data/2019/a.csv", "data/2020/a.csv"]
    assert named("**/*.csv") == ["data/2019/a.csv", "data/2020/a.csv", "data/x[1].csv", "data2/a.csv", "top.csv"]
    assert named("data/20[12]?/*.json") == ["data/2020/b.json"]
    assert named("data/**") == named("data")
    assert named("dat") == named("nope/*.csv") == named("data/2020/a") == []


def test_a_read_goes_on_from_an_offset(store: FileStore) -> None:
    store.check(create=True)
    data = bytes(range(256)) * 40
    put(store, "a.bin", data)
    put(store, "empty", b"")
    for offset in (0, 1, 255, 10_239, 10_240, 20_000):
        assert get(store, "a.bin", offset) == data[offset:]
    assert get(store, "empty") == b""


def test_a_write_takes_the_place_of_what_is_there_and_gives_it_another_version(store: FileStore) -> None:
    store.check(create=True)
    put(store, "a/b", b"one")
    before = store.stat("a/b")
    put(store, "a/b", b"other")
    after = store.stat("a/b")
    assert before is not None
    assert after is not None
    assert before.version != after.version
    assert get(store, "a/b") == b"other"


def test_a_large_file_is_whole(store: FileStore) -> None:
    store.check(create=True)
    data = b"0123456789abcdef" * (1 << 20)
    put(store, "large", data)
    stream, total, _ = store.open("large")
    found = b"".join(iter(lambda: stream.read(1 << 20), b""))
    stream.close()
    assert (found == data, total) == (True, len(data))


class Breaks(io.RawIOBase):
    """Bytes that break off before their end."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            raise OSError("it broke off")
        size = len(self._left) if size < 0 else min(size, 1000)
        data, self._left = self._left[:size], self._left[size:]
        return data


def test_a_write_that_breaks_off_leaves_nothing_under_the_name(store: FileStore) -> None:
    store.check(create=True)
    with pytest.raises((AmletError, OSError)):
        store.write("half", Breaks(b"x" * 9_000), 10_000)  # type: ignore[arg-type]
    assert store.stat("half") is None
    assert list(store.list()) == []


def test_what_is_not_there_is_not_found(store: FileStore) -> None:
    store.check(create=True)
    assert store.stat("nope") is None
    with pytest.raises(NotFound, match="nope"):
        store.open("nope")


def test_wrong_credentials_are_told_and_hold_no_secret(azurite_at: str) -> None:
    wrong = "d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmc="
    for credentials in ({"account_key": wrong}, {"sas_token": "sv=2020-08-04&sig=" + wrong}):
        store = AzureBlobStore(_azure("container1", azurite_at), credentials)
        with pytest.raises(InvalidInput, match="does not let us in") as told:
            store.check(create=False)
        assert wrong not in str(told.value)
    with pytest.raises(InvalidInput, match=r"does not let us in|not well formed"):
        AzureBlobStore(_azure("container1", azurite_at), {"account_key": "no base64!"}).check(create=False)


@pytest.mark.parametrize("kind", ["azure", "s3"])
def test_a_store_that_nobody_answers_for_is_a_failed_datastore(kind: str) -> None:
    port = free_port()
    store: FileStore
    if kind == "azure":
        store = AzureBlobStore(_azure("container1", f"127.0.0.1:{port}"), {"account_key": KEY})
    else:
        store = S3Store(
            {"bucket": "b", "endpoint_url": f"http://127.0.0.1:{port}", **S3_KEYS}, {"secret_access_key": "s"}
        )
    with pytest.raises(DatastoreFailed, match="cannot be reached"):
        store.check(create=False)


def test_a_link_leads_nowhere_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "store"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "file").symlink_to(tmp_path / "secret.txt")
    store = FolderStore(root)
    for path in ("out/secret.txt", "file", "../secret.txt", "/etc/passwd", "a/../../secret.txt"):
        with pytest.raises((InvalidInput, NotFound)):
            store.open(path)
        with pytest.raises(InvalidInput):
            put(store, path if path != "/etc/passwd" else "out/made", b"x")
    assert list(store.list()) == []
    assert (tmp_path / "secret.txt").read_text() == "secret"


def test_a_folder_that_went_away_is_told(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "gone")
    with pytest.raises(InvalidInput, match="is not a folder"):
        store.check(create=False)
    with pytest.raises(StorageFailed):
        _ = store.place
