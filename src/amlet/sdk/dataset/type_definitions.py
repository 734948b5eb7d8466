"""v1's words for how files are read."""

from __future__ import annotations

from enum import Enum
from typing import Any

from amlet.base.names import closest
from amlet.sdk.exceptions import UserErrorException


class PromoteHeadersBehavior(Enum):
    """Where the names of columns are."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class SkipLinesBehavior(Enum):
    """From which files leading lines are left out."""

    NO_ROWS = 0
    FROM_FIRST_FILE_ONLY = 1
    FROM_ALL_FILES = 2


class FileEncoding(Enum):
    """How text is encoded."""

    UTF8 = 0
    ISO88591 = 1
    LATIN1 = 2
    ASCII = 3
    UTF16 = 4
    UTF32 = 5
    UTF8BOM = 6
    WINDOWS1252 = 7


class FileType(Enum):
    """What a file is."""

    GENERIC_CSV = "GenericCSV"
    GENERIC_CSV_NO_HEADER = "GenericCSVNoHeader"
    GENERIC_TSV = "GenericTSV"
    GENERIC_TSV_NO_HEADER = "GenericTSVNoHeader"
    ZIP = "Zip"
    UNKNOWN = "Unknown"


class HistogramCompareMethod(Enum):
    """How two histograms are compared."""

    WASSERSTEIN = 0
    ENERGY = 1


CODECS = {
    "utf8": "utf-8",
    "iso88591": "iso-8859-1",
    "latin1": "iso-8859-1",
    "ascii": "ascii",
    "utf16": "utf-16",
    "utf32": "utf-32",
    "utf8bom": "utf-8-sig",
    "windows1252": "cp1252",
}
"""Python's name of each encoding."""

WIDE = ("utf16", "utf32")
"""Encodings in which a byte 10 does not always end a line."""


def header_name(header: Any) -> str:
    """A member of PromoteHeadersBehavior, by name, of what v1 takes for one (v1-behaviours 13.2).

    Raises:
        UserErrorException: for anything else.
    """
    if isinstance(header, PromoteHeadersBehavior):
        return header.name
    if isinstance(header, bool):
        wanted = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS if header else PromoteHeadersBehavior.NO_HEADERS
        return wanted.name
    if isinstance(header, str) and header in PromoteHeadersBehavior.__members__:
        return header
    listed = ", ".join(PromoteHeadersBehavior.__members__)
    raise UserErrorException(f"header={header!r} is none of True, False, {listed}.")


def skip_name(skip_mode: Any) -> str:
    """A member of SkipLinesBehavior, by name.

    Raises:
        UserErrorException: for anything else.
    """
    name = skip_mode.name if isinstance(skip_mode, SkipLinesBehavior) else skip_mode
    if isinstance(name, str) and name in SkipLinesBehavior.__members__:
        return name
    raise UserErrorException(f"skip_mode={skip_mode!r} is none of {', '.join(SkipLinesBehavior.__members__)}.")


def encoding_name(encoding: Any) -> str:
    """An encoding by v1's name.

    Raises:
        UserErrorException: there is none of that name.
    """
    name = encoding.name if isinstance(encoding, FileEncoding) else encoding
    if isinstance(name, str) and name.lower() in CODECS:
        return name.lower()
    near = closest(name.replace("-", ""), list(CODECS)) if isinstance(name, str) else ""
    raise UserErrorException(f"encoding={encoding!r} is none of {', '.join(CODECS)}.", hint=near or None)
