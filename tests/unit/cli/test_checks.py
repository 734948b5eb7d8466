"""What `amlet doctor` says of a home."""

from __future__ import annotations

from amlet.base.paths import Home
from amlet.cli import checks


def test_a_home_that_others_can_look_into_is_to_be_mended(tmp_path):
    tmp_path.chmod(0o755)
    found = checks.home_folder(Home(tmp_path))
    assert not found.good
    assert found.mend == f"chmod 700 {tmp_path}"


def test_a_home_of_ones_own_is_good(tmp_path):
    tmp_path.chmod(0o700)
    assert checks.home_folder(Home(tmp_path)).good


def test_a_home_that_is_not_there_yet_is_good(tmp_path):
    found = checks.home_folder(Home(tmp_path / "a" / "b"))
    assert found.good
    assert "made at first use" in found.told


def test_room_is_measured_where_the_home_will_be(tmp_path):
    assert "free" in checks.disk(Home(tmp_path / "a" / "b")).told


def test_no_server_is_no_fault(tmp_path):
    assert checks.server(Home(tmp_path)).good
