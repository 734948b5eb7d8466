"""Snapshots: the source folder of a submit as a list of files with their hashes."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from amlet.base.clock import Clock, SystemClock
from amlet.base.errors import InvalidInput
from amlet.base.hashing import CHUNK_BYTES
from amlet.base.ignore import DEFAULTS, ENVIRONMENT_MARKS, KEY_MARK, KEY_SUFFIXES, SECRET_NAMES, IgnoreRules
from amlet.base.names import closest
from amlet.base.paths import Home, largest, relative_path
from amlet.base.units import human_bytes
from amlet.client.hash_cache import HashCache
from amlet.domain.artifact import Entry

WARN_BYTES = 300 << 20
"""v1's limit (v1-behaviours 8.3); here it only brings a warning."""

FILES_LIMIT = 1_000_000
"""Files and folders looked at: links between folders could multiply them without end."""

_NAMED = 10
"""Files that one message names; the rest are counted."""

_THREAD_FROM_BYTES = 1 << 20
"""Files from this size on are hashed by several threads: below it they would only wait for each other."""

_KEY_HEAD_BYTES = 64 << 10


HOME_MARKS = {"server.json", "records.db"}
"""What lies in an AMLET_HOME: it holds the owner's token, and never goes along, whatever the rules say."""


class Snapshot(NamedTuple):
    """What a submit would send, and what to tell its user.

    The file of an entry is `folder / entry.path`, also where a link leads to it.
    """

    folder: Path
    entries: List[Entry]
    """Sorted by path."""
    warnings: List[str]
    """One sentence each."""
    total_bytes: int
    largest: List[Tuple[str, int]]
    """The ten largest files: path and size in bytes, the largest first."""
    left_out: List[str]
    """Files and folders left out by the rules; what lies in such a folder is not listed."""


def scan(folder: Path, *, home: Optional[Home] = None, clock: Optional[Clock] = None) -> Snapshot:
    """List and hash the files of a source folder. Blocks on the disk.

    `.amlignore` in the root, else `.gitignore` there, says what is left out; they are never merged and those of
    folders below are not read (v1-behaviours 8.1). Links are followed: a snapshot has no links.

    Args:
        folder: The source directory.
        home: Where hashes of unchanged files are kept from one scan to the next; nowhere if None.
        clock: The time that the age of files is measured by.

    Raises:
        InvalidInput: if the folder is missing or no folder, if files in it cannot be read (all are named), or if it
            has more than `FILES_LIMIT` files.
    """
    root = _existing(folder)
    seen_ns = int((clock or SystemClock()).now().timestamp() * 1e9)
    ignore_file, rules = _rules(root)
    walk = _Walk(root, rules)
    walk.run()
    real_root = os.path.realpath(root)
    cache = HashCache(home.snapshots, real_root) if home else None
    hashes: Dict[str, Tuple[str, int]] = {}
    todo: List[_File] = []
    for file in walk.files:
        known = cache.find(file.path, file.info) if cache else None
        if known is None:
            todo.append(file)
        else:
            hashes[file.path] = (known, file.info.st_size)
    _hash_all(todo, hashes, walk)
    if walk.unreadable:
        named = ", ".join(sorted(walk.unreadable))
        raise InvalidInput(
            f"{_count(walk.unreadable, 'file')} in {root} cannot be read: {named}.",
            hint=f"give yourself the right to read with `chmod u+r`, or {_how_to_leave_out(ignore_file)}.",
        )
    if cache:
        for file in todo:
            if file.path in hashes:
                cache.keep(file.path, file.info, hashes[file.path][0], seen_ns=seen_ns)
        cache.save()
    entries = [
        Entry(file.path, *hashes[file.path], bool(file.info.st_mode & stat.S_IXUSR))
        for file in sorted(walk.files, key=lambda file: file.path)
        if file.path in hashes
    ]
    biggest = largest((entry.path, entry.size_bytes) for entry in entries)
    total = sum(entry.size_bytes for entry in entries)
    return Snapshot(root, entries, walk.warnings(ignore_file, biggest, total), total, biggest, sorted(walk.left_out))


def weigh(folder: Path) -> int:
    """The bytes that a scan of the folder would list. Reads no file's content.

    Raises:
        InvalidInput: as `scan`, but for files that cannot be read.
    """
    root = _existing(folder)
    walk = _Walk(root, _rules(root)[1])
    walk.run()
    return sum(file.info.st_size for file in walk.files)


def check_script(folder: Path, script: Union[str, Path]) -> str:
    """Find the script that a job starts.

    Returns:
        Its path relative to the folder, with `/`.

    Raises:
        InvalidInput: if the folder is missing, or the script is missing, a folder, outside, or left out by the rules
            (v1-behaviours 8.7).
    """
    root = _existing(folder)
    place = Path(os.path.normpath(root / script))
    inside = next((base for base in (root, Path(os.path.realpath(root))) if base in (place, *place.parents)), None)
    if inside is None:
        raise InvalidInput(
            f"{place} script path is outside {root}. The script should be inside the project folder.",
            hint="copy the script into the folder, or give a source_directory that holds it.",
        )
    relative = place.relative_to(inside).as_posix()
    ignore_file, rules = _rules(root)
    if place.is_dir():
        raise InvalidInput(
            f"{place} is a folder, not a script. The script should be a file inside the project folder.",
            hint=_script_hint(root, rules, f"{relative}/"),
        )
    if not place.is_file():
        raise InvalidInput(
            f"{place} script path doesn't exist. The script should be inside the project folder.",
            hint=_script_hint(root, rules, relative),
        )
    if rules.ignores(relative, False):
        raise InvalidInput(
            f"The script {relative} would not be in the snapshot: {ignore_file or 'the default rules'} of {root} "
            "leaves it out.",
            hint=_how_to_include(ignore_file, [relative]) + ".",
        )
    return relative


class _File(NamedTuple):
    path: str
    place: str
    info: os.stat_result


class _Folder(NamedTuple):
    """A folder to look into: its name with a trailing slash, its place, and the real folders it was reached by."""

    prefix: str
    place: str
    chain: Tuple[str, ...]
    included: bool
    """A `!` of the ignore file asks for it."""


class _Walk:
    """One walk over a folder: files found, and everything that was not taken, by the reason."""

    def __init__(self, root: Path, rules: IgnoreRules) -> None:
        self._root = str(root)
        self._rules = rules
        self._seen = 0
        self.files: List[_File] = []
        self.left_out: List[str] = []
        self.secrets: List[str] = []
        self.broken: List[str] = []
        self.cycles: List[str] = []
        self.special: List[str] = []
        self.misnamed: List[str] = []
        self.vanished: List[str] = []
        self.unreadable: List[str] = []

    def run(self) -> None:
        real_root = os.path.realpath(self._root)
        waiting = [_Folder("", self._root, (real_root,), True)]
        while waiting:
            waiting.extend(self._look_into(waiting.pop()))

    def _look_into(self, folder: _Folder) -> List[_Folder]:
        try:
            with os.scandir(folder.place) as found:
                children = list(found)
        except OSError as error:
            self._failed(folder.prefix or ".", error)
            return []
        names = {child.name for child in children}
        if names.issuperset(HOME_MARKS) or (not folder.included and not names.isdisjoint(ENVIRONMENT_MARKS)):
            self.left_out.append(folder.prefix[:-1] or ".")
            return []
        self._seen += len(children)
        if self._seen > FILES_LIMIT:
            raise InvalidInput(
                f"{self._root} has more than {FILES_LIMIT:,} files; the last looked into was {folder.prefix}.",
                hint="name folders that the script does not need in .amlignore, or mount data in place of sending it.",
            )
        below = []
        for child in children:
            path = folder.prefix + child.name
            if not _nameable(path):
                self.misnamed.append(path)
                continue
            try:
                is_folder = child.is_dir()
                verdict = self._rules.decide(path, is_folder)
                if verdict:
                    self.left_out.append(path)
                elif is_folder:
                    below += self._enter(folder, child, path, included=verdict is False)
                else:
                    self._take(child, path, included=verdict is False)
            except OSError as error:
                if child.is_symlink() and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    self.broken.append(path)
                else:
                    self._failed(path, error)
        return below

    def _enter(self, parent: _Folder, child: os.DirEntry[str], path: str, *, included: bool) -> List[_Folder]:
        is_link = child.is_symlink()
        real = os.path.realpath(child.path) if is_link else f"{parent.chain[-1].rstrip('/')}/{child.name}"
        # A link to a folder above the root would bring the whole disk, and the root again.
        if real in parent.chain or (is_link and parent.chain[0].startswith(real.rstrip("/") + "/")):
            self.cycles.append(path)
            return []
        return [_Folder(f"{path}/", child.path, (*parent.chain, real), included)]

    def _take(self, child: os.DirEntry[str], path: str, *, included: bool) -> None:
        info = child.stat()
        if not stat.S_ISREG(info.st_mode):
            self.special.append(path)
        elif not included and _is_secret(child):
            self.secrets.append(path)
        else:
            self.files.append(_File(path, child.path, info))

    def _failed(self, path: str, error: OSError) -> None:
        if isinstance(error, FileNotFoundError):
            self.vanished.append(path)
        else:
            self.unreadable.append(path)

    def hash_one(self, file: _File) -> Optional[Tuple[str, int]]:
        """Hash a file; a failure is noted for the end. Safe to call from several threads."""
        try:
            return _hash_file(file.place, file.info.st_size)
        except OSError as error:
            self._failed(file.path, error)
            return None

    def warnings(self, ignore_file: Optional[str], biggest: Sequence[Tuple[str, int]], total: int) -> List[str]:
        found = []
        for paths, noun, reason in (
            (self.broken, "link", "leads nowhere"),
            (self.cycles, "link", "leads to a folder that it lies in"),
            (self.special, "entry", "is no file but a socket, pipe or device"),
            (self.misnamed, "name", "is not valid Unicode or is too long"),
            (self.vanished, "file", "vanished during the scan"),
        ):
            if paths:
                shown = [path.encode("utf-8", "backslashreplace").decode("utf-8") for path in paths]
                found.append(f"Not in the snapshot: {_names(shown)} ({_count(paths, noun)}: each {reason}).")
        if self.secrets:
            secrets = sorted(self.secrets)
            found.append(
                f"Not in the snapshot, because such files hold passwords or private keys: {_names(secrets)}. "
                f"To include them, {_how_to_include(ignore_file, secrets)}."
            )
        if total > WARN_BYTES:
            listed = ", ".join(f"{path} ({human_bytes(size)})" for path, size in biggest)
            found.append(
                f"The snapshot of {self._root} has {human_bytes(total)}, over the 300 MB that Azure ML allowed. "
                f"Its largest files: {listed}. To leave some out, {_how_to_leave_out(ignore_file)}."
            )
        return found


def _existing(folder: Path) -> Path:
    root = Path(os.path.normpath(Path(folder).absolute()))  # `resolve` would show another path than the user's
    if root.is_dir():
        return root
    if root.exists():
        raise InvalidInput(
            f"The source directory {root} is a file, not a folder.", hint=f"give the folder it lies in: {root.parent}"
        )
    near = ""
    if root.parent.is_dir():
        near = closest(root.name, sorted(child.name for child in root.parent.iterdir() if child.is_dir()))
    raise InvalidInput(
        f"There is no folder {root}.", hint=f"{near}source_directory must be the folder that holds your script."
    )


def _rules(root: Path) -> Tuple[Optional[str], IgnoreRules]:
    """The ignore file in force and the rules with it. Bytes in it that are no UTF-8 match the same bytes in names."""
    for name in (".amlignore", ".gitignore"):
        file = root / name
        if file.is_file():
            try:
                text = file.read_text("utf-8", "surrogateescape")
            except OSError as error:
                raise InvalidInput(
                    f"The ignore file {file} cannot be read: {os.strerror(error.errno or 0)}."
                ) from error
            return name, IgnoreRules.parse((*DEFAULTS, *text.lstrip("\ufeff").split("\n")))
    return None, IgnoreRules.parse(DEFAULTS)


def _nameable(path: str) -> bool:
    if path.isascii() and len(path) < 4096:
        return True  # a name that a folder holds has neither a slash nor a NUL, nor more than 255 bytes
    try:
        relative_path(path)
    except InvalidInput:
        return False
    return True


def _is_secret(child: os.DirEntry[str]) -> bool:
    """Whether a file, or the file that a link leads to, holds a password or a private key by its name."""
    names = (child.name, os.path.realpath(child.path).rpartition("/")[2]) if child.is_symlink() else (child.name,)
    if any(name in SECRET_NAMES for name in names):
        return True
    if any(name.endswith(KEY_SUFFIXES) for name in names):
        with Path(child.path).open("rb") as text:
            return KEY_MARK in text.read(_KEY_HEAD_BYTES)
    return False


def _hash_all(files: Sequence[_File], hashes: Dict[str, Tuple[str, int]], walk: _Walk) -> None:
    """Fill `hashes` with (sha256, size in bytes) by path. The size is that of what was hashed."""
    large = [file for file in files if file.info.st_size >= _THREAD_FROM_BYTES]
    workers = min(os.cpu_count() or 1, 8, len(large))
    if workers > 1:
        from concurrent.futures import ThreadPoolExecutor

        # The largest first, so that no thread is left alone with one at the end.
        large.sort(key=lambda file: -file.info.st_size)
        with ThreadPoolExecutor(workers) as pool:
            for file, result in zip(large, pool.map(walk.hash_one, large)):
                if result:
                    hashes[file.path] = result
    for file in files:
        if workers <= 1 or file.info.st_size < _THREAD_FROM_BYTES:
            result = walk.hash_one(file)
            if result:
                hashes[file.path] = result


def _hash_file(place: str, size_bytes: int) -> Tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    # Non-blocking: if a pipe has taken the file's place, opening it would wait for a writer.
    handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        while True:
            chunk = os.read(handle, min(size_bytes + 1, CHUNK_BYTES))
            if not chunk:
                return digest.hexdigest(), size
            digest.update(chunk)
            size += len(chunk)
    finally:
        os.close(handle)


def _script_hint(root: Path, rules: IgnoreRules, script: str) -> str:
    known: List[str] = []
    for place, folders, files in os.walk(root):
        prefix = "" if place == str(root) else os.path.relpath(place, root) + "/"
        folders[:] = sorted(name for name in folders if not rules.decide(prefix + name, True))
        known += sorted(prefix + name for name in files if not rules.decide(prefix + name, False))
        if len(known) > 2_000:
            break
    scripts = [path for path in known if path.endswith(".py")] or known
    if script.endswith("/"):
        scripts = [path for path in scripts if path.startswith(script)] or scripts
    straight = script.replace("\\", "/")
    same_name = [path for path in known if path == straight or path.rpartition("/")[2] == straight.rpartition("/")[2]]
    near = f'did you mean "{same_name[0]}"? ' if same_name else closest(script, scripts)
    return f"{near}The folder holds {_names(scripts)}." if scripts else f"{root} holds no files."


def _how_to_include(ignore_file: Optional[str], paths: Iterable[str]) -> str:
    lines = _names([f"`!{path}`" for path in paths])
    return f"add {lines} to .amlignore{_instead_of(ignore_file)}"


def _how_to_leave_out(ignore_file: Optional[str]) -> str:
    return f"name them in .amlignore{_instead_of(ignore_file)}"


def _instead_of(ignore_file: Optional[str]) -> str:
    return " (begin it as a copy of .gitignore, which it replaces)" if ignore_file == ".gitignore" else ""


def _count(paths: Sequence[str], noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"1 {noun}" if len(paths) == 1 else f"{len(paths):,} {plural}"


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
