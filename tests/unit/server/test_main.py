"""The server's start: where it refuses to run, and what it takes over from the one before."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from amlet.base.errors import Conflict, InvalidInput, StorageFailed
from amlet.base.paths import Home
from amlet.server.main import refuse_network_disk, serve


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.evil.example", ""])
def test_an_address_beyond_this_machine_is_refused_without_tls_in_front(host: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="in clear") as refused:
        serve(Home(tmp_path / "home"), host=host)
    assert "--behind-tls" in str(refused.value.hint)
    assert not (tmp_path / "home").exists()


def mounts(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "mounts"
    file.write_text("".join(line + "\n" for line in lines))
    return file


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "lustre", "fuse.sshfs"])
def test_a_home_on_a_network_disk_is_refused(kind: str, tmp_path: Path) -> None:
    table = mounts(tmp_path, "/dev/sda / ext4 rw 0 0", f"server:/x {tmp_path} {kind} rw 0 0", "garbled")
    with pytest.raises(InvalidInput, match=kind) as refused:
        refuse_network_disk(tmp_path / "home", table)
    assert "AMLET_HOME" in str(refused.value.hint)


def test_the_nearest_mount_decides(tmp_path: Path) -> None:
    local = tmp_path / "local"
    table = mounts(tmp_path, f"server:/x {tmp_path} nfs rw 0 0", f"/dev/sdb {local} ext4 rw 0 0")
    refuse_network_disk(local / "home", table)
    refuse_network_disk(local, table)
    with pytest.raises(InvalidInput):
        refuse_network_disk(tmp_path / "local-not", table)


def test_a_machine_without_a_table_of_mounts_is_taken_as_it_is(tmp_path: Path) -> None:
    refuse_network_disk(tmp_path, tmp_path / "none")


def test_a_second_server_of_a_home_is_refused_and_the_homes_rights_are_mended(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir(mode=0o755)
    home.server_log.write_text("what a shell's redirection made")
    home.server_log.chmod(0o644)
    with home.server_lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="running already"):
            serve(home)
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.server_log.stat().st_mode) == 0o600
    assert not home.server_file.exists()


def test_a_home_that_cannot_be_made_names_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed, match="file"):
        serve(Home(tmp_path / "file" / "home"))


@pytest.fixture(autouse=True)
def _same_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` tells AMLET_HOME to what it starts."""
    monkeypatch.setenv("AMLET_HOME", os.environ["AMLET_HOME"])
