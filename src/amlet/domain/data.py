"""Data: datastores, paths on them, datasets, and what a job reads and writes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Pattern, Sequence

FOLDER = "Folder"
AZURE_BLOB = "AzureBlob"
AZURE_FILE = "AzureFile"
AZURE_DATA_LAKE_GEN2 = "AzureDataLakeGen2"
S3 = "S3"
AZURE_SQL = "AzureSqlDatabase"
POSTGRESQL = "AzurePostgreSql"
MYSQL = "AzureMySql"

FILE_STORES = (FOLDER, AZURE_BLOB, AZURE_FILE, AZURE_DATA_LAKE_GEN2, S3)
DATABASES = (AZURE_SQL, POSTGRESQL, MYSQL)
DATASTORE_KINDS = (*FILE_STORES, *DATABASES)
"""What a datastore can be, in v1's words; Folder and S3 are ours."""

WORKSPACE_BLOB_STORE = "workspaceblobstore"
WORKSPACE_FILE_STORE = "workspacefilestore"
WORKSPACE_STORES = (WORKSPACE_BLOB_STORE, WORKSPACE_FILE_STORE)
"""Those that every workspace has, as folders of the server's; the first is the default (v1-behaviours 13.15)."""

DIRECT, MOUNT, DOWNLOAD, UPLOAD = "direct", "mount", "download", "upload"
INPUT_MODES = (DIRECT, MOUNT, DOWNLOAD)
OUTPUT_MODES = (MOUNT, UPLOAD)

FILE_DATASET, TABULAR_DATASET = "file", "tabular"
DATASET_KINDS = (FILE_DATASET, TABULAR_DATASET)

INPUT, OUTPUT = "input", "output"


class Datastore(NamedTuple):
    """A named place of data. What it is signed in with is kept apart, sealed."""

    workspace_id: str
    name: str
    kind: str
    """One of DATASTORE_KINDS."""
    settings: Dict[str, str]
    """Where it is: `account_name`, `container_name`, `bucket`, `server_name`, ... Nothing secret."""
    credential_type: str
    """`AccountKey`, `Sas`, `ClientCredentials`, `SqlAuthentication`, `AccessKey` or `None`."""
    created: datetime
    is_default: bool = False


class LocalPlace(NamedTuple):
    """The folder of a datastore on the server's machine, and what tells whether a process sees the same folder."""

    path: str
    boot_id: str
    device: int
    inode: int


class DataFile(NamedTuple):
    """A file on a datastore. Another content has another version; equal content may have another one, too."""

    path: str
    size_bytes: int
    version: str


class DataPath(NamedTuple):
    """A path on a datastore: a file, a folder or a glob. Without a datastore: a URL."""

    datastore: Optional[str]
    path: str


class DatasetRecord(NamedTuple):
    """A definition of data: where it lies, and how it is read. Never changed, but for description and tags."""

    workspace_id: str
    id: str
    kind: str
    """`file` or `tabular`."""
    sources: List[DataPath]
    definition: Dict[str, Any]
    """How it is read, and the steps on it: written by the SDK, never interpreted by the server."""
    created: datetime
    modified: datetime
    name: Optional[str] = None
    """None for one that was not registered: only its id leads to it."""
    version: Optional[int] = None
    description: Optional[str] = None
    tags: Dict[str, str] = {}

    @property
    def is_registered(self) -> bool:
        return self.name is not None


class JobInput(NamedTuple):
    """Data that a job reads: a dataset, or a path on a datastore (v1's data reference)."""

    name: str
    """What the script asks for it by, and the variable that holds its path or id."""
    mode: str
    """`direct`: the variable holds the dataset's id; `mount`, `download`: a path on the node."""
    sources: List[DataPath] = []
    """Of a dataset those of its record, filled in by the server."""
    dataset_id: Optional[str] = None
    path_on_compute: Optional[str] = None
    is_file: bool = False
    """The path is that of the one file itself, not of a folder that holds it."""
    is_reference: bool = False
    """A data reference: its variable is `AZUREML_DATAREFERENCE_<name>` (v1-behaviours 6.4)."""

    @property
    def variable(self) -> str:
        return REFERENCE_PREFIX + self.name if self.is_reference else self.name


class OutputRegistration(NamedTuple):
    """What an output becomes when its run is completed: a version of a dataset."""

    name: str
    description: Optional[str] = None
    tags: Dict[str, str] = {}
    kind: str = FILE_DATASET
    definition: Dict[str, Any] = {}
    """Of a tabular one: how its files are read."""


class JobOutput(NamedTuple):
    """Data that a job writes: a path on the node, brought to a datastore."""

    name: str
    mode: str
    """`mount`: what is written is there at once where the datastore is a folder of this machine; `upload`: at the end
    of a script that ends well."""
    destination: DataPath
    """Its path may hold `{run-id}` and `{output-name}`; the server fills them in."""
    source: Optional[str] = None
    """The path on the node, below the script's folder unless absolute; one is chosen when None."""
    overwrite: bool = False
    globs: List[str] = []
    """Only files that one of these matches, when there are any."""
    registration: Optional[OutputRegistration] = None
    is_reference: bool = False

    @property
    def variable(self) -> str:
        return REFERENCE_PREFIX + self.name if self.is_reference else self.name


class DataUse(NamedTuple):
    """Data that a run had: what it was given, what it read by itself, what it wrote."""

    direction: str
    """`input` or `output`."""
    name: str
    mode: str
    sources: List[DataPath]
    dataset_id: Optional[str] = None
    dataset_name: Optional[str] = None
    dataset_version: Optional[int] = None
    path_on_compute: Optional[str] = None


REFERENCE_PREFIX = "AZUREML_DATAREFERENCE_"
INPUTS_VARIABLE = "AZUREML_DATASET_ENVIRONMENT_VARS"
OUTPUTS_VARIABLE = "AZUREML_DATASET_FILE_OUTPUTS"
INPUT_PLACEHOLDER = "DatasetConsumptionConfig:"
OUTPUT_PLACEHOLDER = "DatasetOutputConfig:"
"""How an argument names an input or output before the node fills in its path (v1-behaviours 9.5)."""

_MAGIC = re.compile(r"[*?\[]")


def is_glob(path: str) -> bool:
    """Whether a path names files by a pattern."""
    return _MAGIC.search(path) is not None


def clean_path(path: str) -> str:
    """A path on a datastore without what means nothing: leading and trailing slashes, `./`, doubled slashes."""
    return "/".join(part for part in path.replace("\\", "/").split("/") if part not in ("", "."))


def folder_of(pattern: str) -> str:
    """The longest folder that all files of a pattern lie below: `a/b` of `a/b/*/c.csv`; empty for the root.

    Of a path without a pattern, which may be a file or a folder: the path itself.
    """
    parts = clean_path(pattern).split("/")
    for number, part in enumerate(parts):
        if is_glob(part):
            return "/".join(parts[:number])
    return "/".join(parts)


def matcher(pattern: str) -> Pattern[str]:
    """What matches, as a whole, the paths that a pattern names.

    `*` and `?` stay within a part, `**` spans parts, `[...]` is one of some characters; a path without any of them
    names itself and all that lies below it.
    """
    pattern = clean_path(pattern)
    if not is_glob(pattern):
        return re.compile(f"(?:{re.escape(pattern)}(?:/.*)?)" if pattern else ".*", re.DOTALL)
    parts = pattern.split("/")
    text = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            text += ".*" if last else "(?:[^/]+/)*"
        else:
            text += _part(part) + ("" if last else "/")
    return re.compile(text, re.DOTALL)


def common_root(sources: Sequence[DataPath], files: Iterable[str] = ()) -> str:
    """The folder below which files of some sources of one datastore keep their layout (v1-behaviours 13.13).

    Args:
        files: The paths found. A source that is one of these is a file: its folder counts.
    """
    found = set(files)
    roots = []
    for source in sources:
        root = folder_of(source.path)
        roots.append(root.rpartition("/")[0] if root in found else root)
    split = [root.split("/") if root else [] for root in roots]
    common = split[0] if split else []
    for parts in split[1:]:
        same = 0
        while same < min(len(common), len(parts)) and common[same] == parts[same]:
            same += 1
        common = common[:same]
    return "/".join(common)


def below(root: str, path: str) -> str:
    """A path as it is seen from a folder that it lies below."""
    return path[len(root) + 1 :] if root else path


def _part(part: str) -> str:
    text, at = "", 0
    while at < len(part):
        letter = part[at]
        at += 1
        if letter == "*":
            text += "[^/]*"
        elif letter == "?":
            text += "[^/]"
        elif letter == "[" and "]" in part[at + 1 :]:
            end = part.index("]", at + 1)
            inner = part[at:end].replace("\\", "\\\\").replace("[", "\\[")
            text += "[" + ("^/" + inner[1:] if inner[0] in "!^" else inner) + "]"
            at = end + 1
        else:
            text += re.escape(letter)
    return text
