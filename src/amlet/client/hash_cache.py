"""Hashes of files already seen, so that an unchanged folder is not read again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional

from amlet.base.hashing import sha256_bytes
from amlet.base.paths import owner_only

RACY_NS = 2_000_000_000
"""A file changed less than this before it was looked at may change again with the same times: its hash is not kept.

Two seconds are the coarsest clock of a file system in use (FAT); git has the same rule for its index.
"""

FOLDERS_KEPT = 100
"""Source folders whose hashes are kept; the oldest go first."""


class HashCache:
    """The hashes of one source folder's files, by path and by what `stat` says of them.

    Two processes may save at once: the later wins, both files are whole. A file that is damaged, of another version
    or not ours counts as empty, and a cache that cannot be written is silently none: it only saves time.
    """

    def __init__(self, caches: Path, folder: str) -> None:
        self._file = caches / f"{sha256_bytes(os.fsencode(folder))[:32]}.json"
        self._old = self._load()
        self._new: Dict[str, List[Any]] = {}

    def find(self, path: str, info: os.stat_result) -> Optional[str]:
        """The hash of a file that has not changed since it was kept."""
        record = self._old.get(path)
        if record is None or record[:-1] != _identity(info):
            return None
        self._new[path] = record
        return str(record[-1])

    def keep(self, path: str, info: os.stat_result, sha256: str, *, seen_ns: int) -> None:
        """Remember a hash, unless the file is too young at `seen_ns`, the time of the scan, to be trusted."""
        if max(info.st_mtime_ns, info.st_ctime_ns) < seen_ns - RACY_NS:
            self._new[path] = [*_identity(info), sha256]

    def save(self) -> None:
        """Write what was found and kept; the rest is forgotten. Writes nothing when nothing changed."""
        if self._new == self._old:
            return
        body = json.dumps(self._new, separators=(",", ":")).encode("ascii")
        partial = self._file.with_name(f".{self._file.name}.{os.urandom(6).hex()}")
        try:
            owner_only(self._file.parent)
            try:
                with partial.open("xb") as out:
                    out.write(sha256_bytes(body).encode("ascii") + b"\n" + body)
                partial.replace(self._file)
            except BaseException:
                partial.unlink()
                raise
            if not self._old:
                self._forget_oldest()
        except OSError:
            return

    def _load(self) -> Dict[str, List[Any]]:
        try:
            digest, _, body = self._file.read_bytes().partition(b"\n")
        except OSError:
            return {}
        if sha256_bytes(body).encode("ascii") != digest:
            return {}
        records: Dict[str, List[Any]] = json.loads(body)
        return records

    def _forget_oldest(self) -> None:
        caches = sorted(self._file.parent.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for old in caches[:-FOLDERS_KEPT]:
            old.unlink()


def _identity(info: os.stat_result) -> List[int]:
    return [info.st_size, info.st_mtime_ns, info.st_ino, info.st_ctime_ns]
