"""Staging: a tree unpacked once a node, then copied for every run; and the files that a run leaves, collected."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from amlet.base.copying import Copier, SourceDamaged
from amlet.base.errors import Conflict, InvalidInput, StorageFailed
from amlet.base.hashing import CHUNK_BYTES
from amlet.base.paths import inside, owner_only, relative_path
from amlet.domain.artifact import Entry, Tree, tree_of

Fetch = Callable[[list[Entry]], Iterator[tuple[Entry, Iterator[bytes]]]]
"""Gives the bytes of entries, in any order, each as chunks that are used up before the next entry is asked for."""

DEPTH_LIMIT = 200
"""Folders within each other: far more than people make, and few enough for programs that recurse."""

ABANDONED_S = 3_600
"""A half-made tree that old is nobody's."""


class TreeCache:
    """Trees unpacked on this machine, each `<tree id>@<boot>/files`; safe to share between threads and processes.

    A tree is made under another name and renamed when it is whole and checked. Nothing is synced to the disk: a tree
    of an earlier boot, which a power cut may have torn, is never used. A lock file (one of 256, by the id) is held
    shared while a tree is copied and alone while it is made or removed; where the file system has no locks, the
    renames still keep half-made trees out of sight.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._boot = _boot_id()

    def stage(self, tree: Tree, fetch: Fetch, target: Path) -> None:
        """Fill an empty or missing folder with the files of a tree. Blocks on disk and network.

        Only regular files and folders are made, all of them below `target`: no link, ever. The files are the
        caller's own; writing to them changes no cache. The tree's id is derived anew, never believed.

        Args:
            fetch: Called with one entry a blob when the tree is not at hand; raises what it likes.

        Raises:
            InvalidInput: if the tree cannot be one: a bad path, a path twice, a file that is also a folder.
            Conflict: if the target is not empty.
            StorageFailed: if a blob does not arrive as its hash says, or the disk is full or broken. In each case
                nothing half made is left, in the cache or in the target.
        """
        entries = checked_entries(tree)
        key = tree_of(entries).id
        _make_empty(target)
        with self._lock(key, fcntl.LOCK_SH):
            if self._copy_out(key, entries, target):
                return
        with self._lock(key, fcntl.LOCK_EX):
            if self._copy_out(key, entries, target):  # another made it while we waited
                return
            self._discard(self._place(key))
            self._unpack(key, entries, fetch)
            if not self._copy_out(key, entries, target):
                raise StorageFailed(
                    f"The files in {self._place(key)} were removed or changed while they were copied to {target}.",
                    hint="leave this folder to amlet; try again.",
                )

    def holds(self, tree: Tree) -> bool:
        """Whether the tree is at hand, as it looks."""
        return self._place(tree.id).is_dir()

    def prune(self, max_bytes: int, now: datetime) -> int:
        """Remove the trees that were not used for longest until the rest fits; those in use stay.

        Also removes trees of earlier boots and what died half made.

        Returns:
            The bytes of the trees removed.
        """
        kept: list[tuple[float, int, Path]] = []
        freed = 0
        for place in list(self._root.iterdir()) if self._root.is_dir() else []:
            try:
                used_s = place.stat().st_mtime
            except OSError:
                continue  # another pruned it
            if place.name.startswith("."):
                if now.timestamp() - used_s > ABANDONED_S:
                    shutil.rmtree(place, ignore_errors=True)
            elif place.name.endswith(f"@{self._boot}"):
                kept.append((used_s, _recorded_bytes(place), place))
            elif "@" in place.name:
                size = _recorded_bytes(place)
                freed += size if self._remove_unused(place) else 0
        total = sum(size for _, size, _ in kept)
        for _, size, place in sorted(kept):
            if total <= max_bytes:
                break
            if self._remove_unused(place):
                freed += size
                total -= size
        return freed

    def _place(self, key: str) -> Path:
        return self._root / f"{key}@{self._boot}"

    def _copy_out(self, key: str, entries: list[Entry], target: Path) -> bool:
        """Copy a cached tree; False if there is none or it is damaged, and then the target is empty again."""
        place = self._place(key)
        if not place.is_dir():
            return False
        files = place / "files"
        copier = Copier()
        folders: set[str] = set()
        try:
            os.utime(place)
            for entry in entries:
                _make_parents(target, entry.path, folders)
                copier.copy(
                    files / entry.path,
                    target / entry.path,
                    size_bytes=entry.size_bytes,
                    mode=0o777 if entry.executable else 0o666,
                )
        except SourceDamaged:
            _empty(target)
            return False
        except BaseException as error:
            _empty(target)
            if isinstance(error, OSError):
                raise StorageFailed.from_os_error(error, target) from error
            raise
        return True

    def _unpack(self, key: str, entries: list[Entry], fetch: Fetch) -> None:
        place = self._place(key)
        partial = self._root / f".{key}.{os.urandom(6).hex()}"
        try:
            with _storing(partial):
                files = owner_only(partial / "files")
            _fill(files, entries, fetch)
            with _storing(place):
                (partial / "bytes").write_text(str(sum(entry.size_bytes for entry in entries)))
                try:
                    partial.rename(place)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    # Without locks another may have been quicker: its tree is the same.
                    shutil.rmtree(partial, ignore_errors=True)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _discard(self, place: Path) -> bool:
        """Take a tree out of sight at once, then remove it."""
        gone = self._root / f".{place.name}.{os.urandom(6).hex()}"
        try:
            place.rename(gone)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageFailed.from_os_error(error, place) from error
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def _remove_unused(self, place: Path) -> bool:
        with self._lock(place.name, fcntl.LOCK_EX | fcntl.LOCK_NB) as ours:
            return ours and self._discard(place)

    @contextmanager
    def _lock(self, key: str, operation: int) -> Iterator[bool]:
        """Hold the lock of a tree; False if `LOCK_NB` was asked for and another has it."""
        path = self._root / "locks" / key[:2]
        try:
            owner_only(path.parent)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageFailed.from_os_error(error, path) from error
        try:
            ours = True
            try:
                fcntl.flock(handle, operation)
            except BlockingIOError:
                ours = False
            except OSError as error:
                if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                    raise StorageFailed.from_os_error(error, path) from error
            yield ours
        finally:
            os.close(handle)


def checked_entries(tree: Tree) -> list[Entry]:
    """The entries of a tree, sorted by path, after every check that keeps them inside a folder.

    Raises:
        InvalidInput: for a path that cannot name a file, is too deep, comes twice, or is a file and a folder; and for
            a blob of two sizes.
    """
    entries = sorted(tree.entries, key=lambda entry: entry.path)
    sizes: dict[str, int] = {}
    for entry in entries:
        if sizes.setdefault(entry.sha256, entry.size_bytes) != entry.size_bytes:
            raise InvalidInput(f"Blob {entry.sha256} has two sizes in tree {tree.id}: see {entry.path!r}.")
    paths = {entry.path for entry in entries}
    if len(paths) != len(entries):
        twice = next(one.path for one, after in pairwise(entries) if one.path == after.path)
        raise InvalidInput(f"{twice!r} is twice in tree {tree.id}.")
    for path in paths:
        if relative_path(path).count("/") > DEPTH_LIMIT:
            raise InvalidInput(f"{path[:100]!r}... lies deeper than {DEPTH_LIMIT} folders in tree {tree.id}.")
    for folder in {path.rpartition("/")[0] for path in paths} - {""}:
        above = folder
        while above:
            if above in paths:
                raise InvalidInput(f"{above!r} is a file and a folder in tree {tree.id}.")
            above = above.rpartition("/")[0]
    return entries


def collect(folder: Path, prefix: str) -> tuple[list[Entry], list[str]]:
    """List and hash what a run wrote, such as its ./outputs. Blocks on the disk; memory is bounded.

    A link to a regular file counts as that file; the file of an entry is the same path below `folder`. What cannot
    be kept is skipped with a warning: a finished run never fails for it.

    Args:
        folder: Where to look; may be missing, or a link to a folder.
        prefix: What the entries' paths begin with: `outputs` gives `outputs/model.joblib`.

    Returns:
        The entries, sorted by path, and one sentence for each reason that files were skipped.

    Raises:
        OSError: this process has no descriptor or memory left; later it may.
    """
    entries: list[Entry] = []
    skipped: dict[str, list[str]] = {}
    waiting = [("", str(folder))] if folder.is_dir() else []
    while waiting:
        below, place = waiting.pop()
        try:
            with os.scandir(place) as found:
                children = list(found)
        except OSError as error:
            _unless_short(error)
            skipped.setdefault(f"cannot be read ({os.strerror(error.errno or 0)})", []).append(f"{prefix}/{below}")
            continue
        for child in children:
            path = f"{prefix}/{below}{child.name}"
            try:
                relative_path(path)
                if child.is_dir(follow_symlinks=False):
                    waiting.append((f"{below}{child.name}/", child.path))
                else:
                    entries.append(_collected(path, child.path))
            except InvalidInput:
                skipped.setdefault("have names that are not valid Unicode, or too long", []).append(path)
            except _NotRegular:
                skipped.setdefault("are no regular files", []).append(path)
            except OSError as error:
                _unless_short(error)
                skipped.setdefault(f"cannot be read ({os.strerror(error.errno or 0)})", []).append(path)
    entries.sort(key=lambda entry: entry.path)
    return entries, [_skipped_sentence(reason, sorted(paths)) for reason, paths in skipped.items()]


def is_larger(folder: Path, names: Sequence[str], limit_bytes: int) -> bool:
    """Whether what `collect` finds below folders of these names is more than so many bytes, as far as can be seen."""
    waiting = [str(folder / name) for name in names]
    left = limit_bytes
    while waiting and left >= 0:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as found:
            for child in found:
                if child.is_dir(follow_symlinks=False):
                    waiting.append(child.path)
                else:
                    left -= child.stat().st_size
    return left < 0


def collect_file(path: str, place: str) -> Entry | None:
    """One file as `collect` takes it; None for what it leaves out.

    Raises:
        OSError: this process has no descriptor or memory left; later it may.
    """
    try:
        return _collected(relative_path(path), place)
    except (InvalidInput, _NotRegular):
        return None
    except OSError as error:
        _unless_short(error)
        return None


def _unless_short(error: OSError) -> None:
    """What is short now is no fault of the file."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        raise error


class _NotRegular(Exception):
    """A folder behind a link, a socket, a pipe or a device."""


def _collected(path: str, place: str) -> Entry:
    # Non-blocking: opening a pipe would wait for a writer.
    try:
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise _NotRegular from error
        raise
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise _NotRegular
        digest, size = hashlib.sha256(), 0
        # No further than the size it had: a process that outlived the run may write on without end.
        while size < info.st_size:
            chunk = os.read(handle, min(info.st_size - size, CHUNK_BYTES))
            if not chunk:
                break
            digest.update(chunk)
            size += len(chunk)
    finally:
        os.close(handle)
    return Entry(path, digest.hexdigest(), size, bool(info.st_mode & stat.S_IXUSR))


def _skipped_sentence(reason: str, paths: list[str]) -> str:
    named = ", ".join(path.encode("utf-8", "backslashreplace").decode("utf-8") for path in paths[:10])
    more = f" and {len(paths) - 10:,} more" if len(paths) > 10 else ""
    return f"Not kept, because they {reason}: {named}{more}."


def _fill(files: Path, entries: list[Entry], fetch: Fetch) -> None:
    """Write every entry below a new folder, fetching each blob once."""
    wanted: dict[str, list[Entry]] = {}
    for entry in entries:
        wanted.setdefault(entry.sha256, []).append(entry)
    folders: set[str] = set()
    copier = Copier()
    arriving = fetch([same[0] for same in wanted.values()]) if wanted else iter(())
    for arrived, chunks in arriving:
        same = wanted.pop(arrived.sha256, None)
        if same is None:
            continue
        with _storing(files):
            for entry in same:
                _make_parents(files, entry.path, folders)
        first = same[0]
        _write_checked(inside(files, first.path), first, chunks)
        for entry in same[1:]:
            copier.copy(
                files / first.path, inside(files, entry.path), size_bytes=first.size_bytes, mode=_cached_mode(entry)
            )
    if wanted:
        missing = next(iter(wanted.values()))[0]
        raise StorageFailed(
            f"{len(wanted):,} of the files did not arrive, among them {missing.path} (blob {missing.sha256}).",
            hint="try again; `amlet server status` tells whether the server is well.",
        )


def _write_checked(place: Path, entry: Entry, chunks: Iterator[bytes]) -> None:
    digest, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _storing(place):
        out = os.open(place, flags, _cached_mode(entry))
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > entry.size_bytes:
                break
            digest.update(chunk)
            rest = memoryview(chunk)
            with _storing(place):
                while rest:
                    rest = rest[os.write(out, rest) :]
    finally:
        os.close(out)
    if size != entry.size_bytes or digest.hexdigest() != entry.sha256:
        raise StorageFailed(
            f"{entry.path} arrived damaged: its {entry.size_bytes:,} bytes should have the hash {entry.sha256}.",
            hint="try again; if it stays, the blob is damaged in the server's store: submit the files again.",
        )


@contextmanager
def _storing(place: Path) -> Iterator[None]:
    """Around our own writing alone: an `OSError` of `fetch` is the network's and passes as it is."""
    try:
        yield
    except OSError as error:
        raise StorageFailed.from_os_error(error, place) from error


def _cached_mode(entry: Entry) -> int:
    """Read-only: against accidents."""
    return 0o500 if entry.executable else 0o400


def _make_parents(root: Path, path: str, made: set[str]) -> None:
    """Make the folders above a checked path, each once."""
    folder = path.rpartition("/")[0]
    if not folder or folder in made:
        return
    _make_parents(root, folder, made)
    (root / folder).mkdir()
    made.add(folder)


def _make_empty(target: Path) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        with os.scandir(target) as found:
            taken = next(found, None)
    except OSError as error:
        raise StorageFailed.from_os_error(error, target) from error
    if taken is not None:
        raise Conflict(f"{target} is not empty: it holds {taken.name}.", hint="stage into a fresh folder.")


def _empty(target: Path) -> None:
    """Remove what was staged; the folder itself was perhaps the caller's."""
    for child in list(target.iterdir()) if target.is_dir() else []:
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)


def _recorded_bytes(place: Path) -> int:
    try:
        return int((place / "bytes").read_text())
    except (OSError, ValueError):
        return 0


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
