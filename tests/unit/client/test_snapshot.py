"""Snapshots: what is taken, what is left out and said, and which hashes are believed."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from amlet.base.errors import InvalidInput
from amlet.base.hashing import sha256_bytes
from amlet.base.paths import Home
from amlet.client import snapshot
from amlet.client.snapshot import Snapshot, check_script, scan


class FixedClock:
    """A clock that stands some seconds away from the real one."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead_s = ahead_s

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self._ahead_s)

    def monotonic(self) -> float:
        return 0.0


LATER = FixedClock(60)


def write(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text or name)


def paths(found: Snapshot) -> list[str]:
    return [entry.path for entry in found.entries]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "my 'projects' ü"
    place.mkdir()
    return place


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_entries_are_sorted_and_say_hash_size_and_execution(folder: Path) -> None:
    write(folder, "b.py", "a/z.py", "run.sh")
    (folder / "run.sh").chmod(0o755)
    found = scan(folder)
    assert paths(found) == ["a/z.py", "b.py", "run.sh"]
    assert found.entries[1].sha256 == sha256_bytes(b"b.py")
    assert [entry.executable for entry in found.entries] == [False, False, True]
    assert (found.total_bytes, found.largest[0], found.warnings) == (16, ("a/z.py", 6), [])


def test_an_empty_folder_is_an_empty_snapshot(folder: Path) -> None:
    assert scan(folder).entries == []


def test_without_an_ignore_file_the_defaults_hold(folder: Path) -> None:
    write(folder, "train.py", ".git/config", "outputs/m", "src/__pycache__/a.pyc", "src/outputs/kept")
    found = scan(folder)  # v1-behaviours 19e
    assert paths(found) == ["src/outputs/kept", "train.py"]
    assert found.left_out == [".git", "outputs", "src/__pycache__"]


def test_amlignore_replaces_gitignore(folder: Path) -> None:
    write(folder, "a.csv", "b.log", "train.py")
    (folder / ".gitignore").write_text("*.csv\n")
    assert paths(scan(folder)) == [".gitignore", "b.log", "train.py"]
    (folder / ".amlignore").write_text("*.log\n")
    assert paths(scan(folder)) == [".amlignore", ".gitignore", "a.csv", "train.py"]  # v1-behaviours 8.1


def test_ignore_files_below_the_root_are_not_read(folder: Path) -> None:
    write(folder, "src/a.csv")
    (folder / "src/.amlignore").write_text("*.csv\n")
    assert "src/a.csv" in paths(scan(folder))  # v1-behaviours 8.1


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta/history"])
def test_a_python_environment_is_left_out_whatever_its_name(folder: Path, mark: str) -> None:
    write(folder, "train.py", f"tools/py/{mark}", "tools/py/lib/x.py")
    assert paths(scan(folder)) == ["train.py"]
    (folder / ".amlignore").write_text("!tools/py\n")
    assert "tools/py/lib/x.py" in paths(scan(folder))


def test_secrets_are_left_out_with_one_warning_that_says_how_to_include_them(folder: Path) -> None:
    write(folder, ".env", "keys/id_rsa", "keys/ca.pem", "train.py")
    write(folder, "keys/tls.pem", text="-----BEGIN RSA PRIVATE KEY-----\n")
    found = scan(folder)
    assert paths(found) == ["keys/ca.pem", "train.py"]
    assert found.warnings == [
        (
            "Not in the snapshot, because such files hold passwords or private keys: .env, keys/id_rsa, keys/tls.pem. "
            "To include them, add `!.env`, `!keys/id_rsa`, `!keys/tls.pem` to .amlignore."
        )
    ]


def test_a_secret_asked_for_by_name_is_taken_and_one_ignored_needs_no_warning(folder: Path) -> None:
    write(folder, ".env", "id_rsa")
    (folder / ".amlignore").write_text("!.env\nid_*\n")
    found = scan(folder)
    assert paths(found) == [".amlignore", ".env"]
    assert found.warnings == []


def test_the_way_to_include_says_that_amlignore_replaces_gitignore(folder: Path) -> None:
    write(folder, ".env", ".gitignore")
    assert scan(folder).warnings[0].endswith("(begin it as a copy of .gitignore, which it replaces).")


def test_a_link_to_a_secret_under_another_name_is_a_secret(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "ssh/id_ed25519")
    (folder / "key").symlink_to(tmp_path / "ssh/id_ed25519")
    assert paths(scan(folder)) == []


def test_links_to_files_and_folders_are_followed(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, "shared/lib.py")
    write(folder, "train.py")
    (folder / "copy.py").symlink_to("train.py")
    for name in ("one", "two"):
        (folder / name).symlink_to(tmp_path / "shared")
    found = scan(folder)
    assert paths(found) == ["copy.py", "one/lib.py", "train.py", "two/lib.py"]
    assert found.entries[0].sha256 == sha256_bytes(b"train.py")
    assert found.warnings == []


def test_links_that_lead_in_circles_or_nowhere_are_skipped_with_a_warning(folder: Path) -> None:
    write(folder, "src/a.py")
    (folder / "src/up").symlink_to("..")
    (folder / "src/self").symlink_to(".")
    (folder / "src/disk").symlink_to("/")
    (folder / "gone").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    found = scan(folder)
    assert paths(found) == ["src/a.py"]
    assert [sorted(text.split(" (")[0].split(": ")[1].split(", ")) for text in found.warnings] == [
        ["gone", "loop"],
        ["src/disk", "src/self", "src/up"],
    ]


def test_links_that_multiply_folders_without_end_are_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for depth in range(20):
        level = folder / f"level{depth}"
        level.mkdir()
        for name in "xy":
            (level / name).symlink_to(f"../level{depth + 1}")
    (folder / "level20").mkdir()
    monkeypatch.setattr(snapshot, "FILES_LIMIT", 2_000)
    with pytest.raises(InvalidInput, match="more than 2,000 files"):
        scan(folder)


def test_pipes_are_skipped_with_a_warning(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.pem")
    found = scan(folder)
    assert found.entries == []
    assert found.warnings == [
        "Not in the snapshot: pipe, pipe.pem (2 entries: each is no file but a socket, pipe or device)."
    ]


def test_names_that_are_not_unicode_are_skipped_with_a_warning(folder: Path) -> None:
    place = os.fsencode(folder) + b"/caf\xe9.py"
    os.close(os.open(place, os.O_CREAT))
    found = scan(folder)
    assert found.entries == []
    assert "caf\\udce9.py (1 name: each is not valid Unicode" in found.warnings[0]


def test_all_files_that_cannot_be_read_are_named_in_one_error(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).symlink_to("/proc/self/mem")  # a regular file by its mode, whose reading fails for root too
    with pytest.raises(InvalidInput, match=r"2 files in .* cannot be read: a, b\.") as caught:
        scan(folder)
    assert ".amlignore" in str(caught.value.hint)


def test_over_300_mb_a_warning_names_the_ten_largest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WARN_BYTES", 1_000)
    for number in range(12):
        (folder / f"data{number:02}.bin").write_bytes(b"x" * (100 + number))
    found = scan(folder)
    assert len(found.largest) == 10
    assert "Its largest files: data11.bin (111 B), data10.bin (110 B)" in found.warnings[0]
    assert "data01" not in found.warnings[0]
    assert found.warnings[0].endswith("name them in .amlignore.")  # v1-behaviours 8.3


def test_large_files_are_hashed_like_small_ones(folder: Path) -> None:
    content = os.urandom(snapshot._THREAD_FROM_BYTES + 1)
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(content)
    write(folder, "d")
    assert [entry.sha256 for entry in scan(folder).entries] == [sha256_bytes(content)] * 3 + [sha256_bytes(b"d")]


def test_equal_folders_give_equal_snapshots_with_and_without_the_cache(folder: Path, home: Home) -> None:
    write(folder, "a", "b/c")
    assert scan(folder) == scan(folder, home=home, clock=LATER) == scan(folder, home=home, clock=LATER)


def poison(home: Home, old: str, new: str) -> None:
    """Change a hash in the cache so that its use can be seen; the cache stays whole."""
    (file,) = home.snapshots.iterdir()
    body = file.read_bytes().partition(b"\n")[2].replace(old.encode(), new.encode())
    file.write_bytes(sha256_bytes(body).encode() + b"\n" + body)


def test_an_unchanged_file_is_not_read_again(folder: Path, home: Home) -> None:
    write(folder, "a")
    before = scan(folder, home=home, clock=LATER).entries[0].sha256
    poison(home, before, "f" * 64)
    assert scan(folder, home=home, clock=LATER).entries[0].sha256 == "f" * 64


def test_a_file_younger_than_two_seconds_is_read_again(folder: Path, home: Home) -> None:
    write(folder, "a")
    scan(folder, home=home)
    assert not home.snapshots.exists()


@pytest.mark.parametrize("change", ["content of equal length", "replaced", "times put back"])
def test_a_changed_file_is_read_again(folder: Path, home: Home, change: str) -> None:
    write(folder, "a", text="old")
    scan(folder, home=home, clock=LATER)
    before = (folder / "a").stat()
    write(folder, "b" if change == "replaced" else "a", text="new")
    if change == "replaced":
        (folder / "b").replace(folder / "a")
    if change == "times put back":
        os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert scan(folder, home=home, clock=LATER).entries[0].sha256 == sha256_bytes(b"new")


@pytest.mark.parametrize("damage", [b"", b"{}", b"\n", b"0" * 64 + b"\n{}", b"\xff\x00"])
def test_a_damaged_cache_is_a_cold_one(folder: Path, home: Home, damage: bytes) -> None:
    write(folder, "a")
    expected = scan(folder, home=home, clock=LATER)
    (file,) = home.snapshots.iterdir()
    file.write_bytes(damage)
    assert scan(folder, home=home, clock=LATER) == expected
    poison(home, expected.entries[0].sha256, "f" * 64)  # it was written anew


def test_a_flipped_bit_in_the_cache_is_noticed(folder: Path, home: Home) -> None:
    write(folder, "a")
    expected = scan(folder, home=home, clock=LATER)
    (file,) = home.snapshots.iterdir()
    file.write_bytes(file.read_bytes().replace(expected.entries[0].sha256.encode(), b"f" * 64))
    assert scan(folder, home=home, clock=LATER) == expected


def test_a_cache_that_cannot_be_written_is_none(folder: Path, home: Home) -> None:
    write(folder, "a")
    write(home.root, "snapshots", text="a file in the way")
    assert paths(scan(folder, home=home, clock=LATER)) == ["a"]


def test_the_cache_is_the_owners_alone_and_leaves_nothing_temporary(folder: Path, home: Home) -> None:
    write(folder, "a")
    scan(folder, home=home, clock=LATER)
    assert (home.root.stat().st_mode & 0o777, home.snapshots.stat().st_mode & 0o777) == (0o700, 0o700)
    assert [file.suffix for file in home.snapshots.iterdir()] == [".json"]


def test_files_removed_are_forgotten(folder: Path, home: Home) -> None:
    write(folder, "a", "b")
    scan(folder, home=home, clock=LATER)
    (folder / "a").unlink()
    scan(folder, home=home, clock=LATER)
    (file,) = home.snapshots.iterdir()
    assert b'"a"' not in file.read_bytes()


def test_a_missing_folder_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(InvalidInput, match=r"There is no folder .*/projct\.") as caught:
        scan(tmp_path / "projct")
    assert 'did you mean "project"?' in str(caught.value.hint)


def test_a_file_is_no_source_directory(folder: Path) -> None:
    write(folder, "train.py")
    with pytest.raises(InvalidInput, match="is a file, not a folder"):
        scan(folder / "train.py")


@pytest.mark.parametrize("given", ["src/train.py", "./src/../src/train.py", "{folder}/src/train.py"])
def test_a_script_is_found_by_relative_and_absolute_path(folder: Path, given: str) -> None:
    write(folder, "src/train.py")
    assert check_script(folder, given.format(folder=folder)) == "src/train.py"


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("src/trian.py", "src/train.py"), ("train.py", "src/train.py"), ("src\\train.py", "src/train.py")],
)
def test_a_missing_script_is_told_with_the_nearest_and_the_files_there(folder: Path, given: str, nearest: str) -> None:
    write(folder, "src/train.py", "eval.py")
    with pytest.raises(InvalidInput) as caught:
        check_script(folder, given)
    assert caught.value.message == (  # v1-behaviours 8.7
        f"{folder}/{given} script path doesn't exist. The script should be inside the project folder."
    )
    assert caught.value.hint == f'did you mean "{nearest}"? The folder holds eval.py, src/train.py.'


@pytest.mark.parametrize("given", ["../train.py", "/etc/hostname"])
def test_a_script_outside_is_refused(folder: Path, given: str) -> None:
    with pytest.raises(InvalidInput, match=r"is outside .* should be inside the project folder"):
        check_script(folder, given)


@pytest.mark.parametrize("given", ["src", "", "."])
def test_a_folder_is_no_script(folder: Path, given: str) -> None:
    write(folder, "src/train.py")
    with pytest.raises(InvalidInput, match="is a folder, not a script"):
        check_script(folder, given)


def test_a_script_that_the_rules_leave_out_is_refused(folder: Path) -> None:
    write(folder, "gen/train.py")
    (folder / ".amlignore").write_text("gen/*\n")
    with pytest.raises(InvalidInput, match=r"gen/train.py would not be in the snapshot: \.amlignore") as caught:
        check_script(folder, "gen/train.py")
    assert "`!gen/train.py`" in str(caught.value.hint)


def test_an_amlet_home_inside_the_folder_never_goes_along(tmp_path: Path) -> None:
    home = tmp_path / "state"
    home.mkdir()
    for name in ("server.json", "records.db", "other.txt"):
        (home / name).write_text("x")
    (tmp_path / "train.py").write_text("1")
    (tmp_path / ".amlignore").write_text("!state\n!state/server.json\n")

    found = scan(tmp_path)

    assert [entry.path for entry in found.entries] == [".amlignore", "train.py"]
    assert found.left_out == ["state"]
