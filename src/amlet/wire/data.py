"""Requests and answers about datastores, datasets and secrets."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional

from amlet.base.errors import InvalidInput
from amlet.domain.artifact import Entry
from amlet.domain.data import DataFile, DataPath, DatasetRecord, Datastore, DataUse, LocalPlace

LINES = "application/x-ndjson"


class CreateDatastore(NamedTuple):
    kind: str
    settings: Dict[str, str]
    credentials: Dict[str, str] = {}
    """`account_key`, `sas_token`, `secret_key`, `password`, ...: sealed by the server, never given back."""
    overwrite: bool = False
    create_if_not_exists: bool = False
    """Make the container or share where there is none."""
    skip_validation: bool = False
    """Do not look whether it is there and lets us in."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kind!r}, {self.settings!r}, ...)"


class DatastoreState(NamedTuple):
    datastore: Datastore
    place: Optional[LocalPlace] = None
    """Of a folder on the server's machine."""


class Datastores(NamedTuple):
    datastores: List[Datastore]


class DataFilesQuery(NamedTuple):
    """Files of a datastore: a path, a folder or a glob; empty for all. See `domain.data.matcher`."""

    pattern: str = ""


class PutDataFiles(NamedTuple):
    """Bring files whose blobs were sent to a datastore, under these paths."""

    entries: List[Entry]
    overwrite: bool = False
    request_id: str = ""
    """Chosen by the client: the same request, sent again, is the same piece of work."""
    wait_s: float = 20.0
    """How long to wait until all is written."""


class PutDataAnswer(NamedTuple):
    """The blobs to send first, and then nothing was written; else which paths were there and left as they were."""

    missing: List[str]
    skipped: List[str] = []
    is_pending: bool = False
    """It is still being written: ask again."""


class QueryDatabase(NamedTuple):
    """A query to a database. Its answer comes as lines: see `query_lines`."""

    query: str
    timeout_s: float = 30.0
    limit: Optional[int] = None
    """At most so many rows."""


class Column(NamedTuple):
    """A column of a query's answer. The type is `int, float, bool, text, datetime, date, time, decimal` or `bytes`:
    values of the last five travel as text (ISO 8601, decimal digits, base64)."""

    name: str
    type: str


class RegisterDataset(NamedTuple):
    """Record a dataset. Without a name it is not registered: only its id leads to it, and equal ones have one id."""

    kind: str
    sources: List[DataPath]
    definition: Dict[str, Any]
    name: Optional[str] = None
    description: Optional[str] = None
    tags: Dict[str, str] = {}
    create_new_version: bool = False
    """Where the name is taken; else it is a Conflict."""
    request_id: str = ""
    """Chosen by the client: the same request sent twice makes one version."""
    dry_run: bool = False
    """Only look whether it could be registered: asked before data is brought that would be brought in vain."""


class DatasetQuery(NamedTuple):
    """Registered datasets, newest first."""

    name: Optional[str] = None
    version: Optional[int] = None
    latest: bool = False


class Datasets(NamedTuple):
    datasets: List[DatasetRecord]


class UpdateDataset(NamedTuple):
    """None, and what is not named, stays as it is."""

    description: Optional[str] = None
    set_tags: Dict[str, str] = {}
    remove_tags: List[str] = []


class DatasetName(NamedTuple):
    name: str


class DatasetUse(NamedTuple):
    """A run that had the dataset, and how."""

    run_id: str
    experiment: str
    status: str
    use: DataUse


class DatasetUses(NamedTuple):
    uses: List[DatasetUse]


class ReadDataset(NamedTuple):
    """A registered dataset that a run read by itself (v1-behaviours 13.17)."""

    dataset_id: str
    name: str = ""
    """What the run calls it; the dataset's own name by default."""


class SetSecrets(NamedTuple):
    values: Dict[str, str]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class SecretNames(NamedTuple):
    names: List[str]


class SecretValues(NamedTuple):
    """None for a name that is not there."""

    values: Dict[str, Optional[str]]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


def file_line(file: DataFile) -> bytes:
    """A file as a line of the answer of `datastores.files`."""
    return json.dumps([file.path, file.size_bytes, file.version], separators=(",", ":")).encode("ascii") + b"\n"


def read_file_lines(chunks: Iterable[bytes]) -> Iterator[DataFile]:
    """The files of such an answer, as it comes.

    Raises:
        InvalidInput: it holds something else.
    """
    for line in lines_of(chunks):
        path, size_bytes, version = _json(line)
        yield DataFile(path, size_bytes, version)


def read_query_lines(chunks: Iterable[bytes]) -> Iterator[List[Any]]:
    """The lines of the answer to a query: first the columns as [name, type], then a row each, values as `Column` says.

    Raises:
        InvalidInput: it holds something else, or what the database said in the middle of it.
    """
    for line in lines_of(chunks):
        told = _json(line)
        if isinstance(told, dict):
            raise InvalidInput(str(told["error"]), hint=told.get("hint"))
        yield told


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines of bytes that come in pieces."""
    left = b""
    for chunk in chunks:
        head, newline, rest = chunk.rpartition(b"\n")
        if newline:
            yield from (left + head).split(b"\n")
            left = rest
        else:
            left += chunk
    if left:
        raise InvalidInput("The last line of the answer has no end.")


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InvalidInput(f"{line[:80]!r} is no line of the answer.") from error
