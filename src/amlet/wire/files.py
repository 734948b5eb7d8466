"""Requests and answers about blobs, trees and a run's files."""

from __future__ import annotations

from typing import List, NamedTuple

from amlet.domain.artifact import Entry


class Hashes(NamedTuple):
    """SHA-256 digests, hex."""

    sha256: List[str]


class BegunQuery(NamedTuple):
    """Ask after a blob; while somebody sends it, wait at most `wait_s` seconds for the end of that."""

    wait_s: float = 0.0


class BlobQuery(NamedTuple):
    """From which byte on a blob is sent: 0, or as many as `blobs.begun` said that the server has."""

    offset: int = 0


class PutTree(NamedTuple):
    entries: List[Entry]


class TreeAnswer(NamedTuple):
    """The tree's id; or the blobs to send first, and then nothing was recorded."""

    tree_id: str
    missing: List[str]


class RunFile(NamedTuple):
    """A file of a run: a log that may still grow, or a finished artifact."""

    path: str
    size_bytes: int
    growing: bool


class FileQuery(NamedTuple):
    """Which file, from which byte on. A file's path is a query parameter, so that no router ever reads its slashes."""

    path: str
    offset: int = 0
    version: str = ""
    """Of a datastore's file: the version that is wanted, and no other; empty for any."""


class AppendQuery(NamedTuple):
    """Where the bytes of the body belong: sending the same bytes twice changes nothing."""

    path: str
    offset: int
    attempt: int


class DrainQuery(NamedTuple):
    """Bytes of one journal, from an offset on."""

    journal: str
    offset: int
    attempt: int


class SizeAnswer(NamedTuple):
    """How many bytes the server holds now: send on from there."""

    size_bytes: int
