"""Columns that are told by the paths of files (v1-behaviours 13.5)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Dict, List, NamedTuple, Optional, Pattern

PARTS = {"yyyy": 4, "MM": 2, "dd": 2, "HH": 2, "mm": 2, "ss": 2}
"""The parts of a time, each with its digits."""

_DEFAULTS = {"yyyy": 1, "MM": 1, "dd": 1, "HH": 0, "mm": 0, "ss": 0}
_PERIODS = {"yyyy": 366 * 86_400, "MM": 31 * 86_400, "dd": 86_400, "HH": 3_600, "mm": 60, "ss": 1}
"""How long a time of a path lasts at most, in seconds, by its last part."""

_NAME = r"[^./\\]+"


class PartitionFormat(NamedTuple):
    """A format that was read: what it finds in a path."""

    columns: List[str]
    """In the order of the format."""
    time_column: Optional[str]
    pattern: Pattern[str]
    groups: Dict[str, List[str]]
    """By column: the pattern's groups that it is made of."""

    @property
    def period(self) -> timedelta:
        """How long after the time that a path tells its rows may be."""
        told = {group.rsplit("_", 1)[1] for group in self.groups.get(self.time_column or "", [])}
        last = "yyyy"
        for part in PARTS:
            if part not in told:
                break
            last = part
        return timedelta(seconds=_PERIODS[last])

    def match(self, path: str) -> Optional[Dict[str, Any]]:
        """The values of a path's columns; None for a path that is not of this format."""
        found = self.pattern.search(path)
        if found is None:
            return None
        values: Dict[str, Any] = {}
        for column in self.columns:
            if column == self.time_column:
                told = dict(_DEFAULTS)
                for group in self.groups[column]:
                    told[group.rsplit("_", 1)[1]] = int(found.group(group))
                try:
                    values[column] = datetime(*[told[part] for part in PARTS])  # type: ignore[arg-type]
                except ValueError:
                    return None
            else:
                values[column] = found.group(self.groups[column][0])
        return values


def parse(text: str) -> PartitionFormat:
    """Read a format such as `/sales/{state}/{day:yyyy/MM/dd}/*.csv`.

    `{name}` is text without dots and slashes, `{name:yyyy/MM/dd}` a time, `*` is anything, `{{` and `}}` stand for
    braces. A path is held against it from the first of its characters to the path's end.

    Raises:
        ValueError: as in v1, with words that begin with `Invalid partition_format` or `Invalid part`.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"Invalid partition_format {text!r}: it is empty.")
    columns: List[str] = []
    groups: Dict[str, List[str]] = {}
    time_column: Optional[str] = None
    pattern, at = "", 0
    while at < len(text):
        letter = text[at]
        if text[at : at + 2] in ("{{", "}}"):
            pattern += re.escape(letter)
            at += 2
        elif letter == "{":
            end = text.find("}", at)
            if end < 0:
                raise ValueError(f"Invalid partition_format {text!r}: a brace is not closed.")
            name, _, form = text[at + 1 : end].partition(":")
            name = name.strip()
            if not name or "{" in name:
                raise ValueError(f"Invalid part {text[at : end + 1]!r} in partition_format: it has no name.")
            if form:
                if time_column not in (None, name):
                    raise ValueError(f"Invalid partition_format {text!r}: only one column can be a time.")
                time_column = name
                pattern += _time_pattern(form, name, groups, columns)
            elif name in columns:
                raise ValueError(f"Invalid partition_format {text!r}: the column {name!r} is there twice.")
            else:
                columns.append(name)
                groups[name] = [f"c{len(columns)}"]
                pattern += f"(?P<c{len(columns)}>{_NAME})"
            at = end + 1
        elif letter == "}":
            raise ValueError(f"Invalid partition_format {text!r}: a brace is not opened.")
        else:
            pattern += ".*?" if letter == "*" else r"[/\\]" if letter in "/\\" else re.escape(letter)
            at += 1
    if not columns:
        raise ValueError(f"Invalid partition_format {text!r}: it names no column.")
    if time_column is not None and not any(group.endswith("_yyyy") for group in groups[time_column]):
        raise ValueError(f"Invalid partition_format {text!r}: a time needs its year, yyyy.")
    return PartitionFormat(columns, time_column, re.compile(pattern + r"\Z", re.DOTALL), groups)


def _time_pattern(form: str, name: str, groups: Dict[str, List[str]], columns: List[str]) -> str:
    if name not in columns:
        columns.append(name)
        groups[name] = []
    number = columns.index(name) + 1
    pattern = ""
    for piece in re.findall(r"yyyy|MM|dd|HH|mm|ss|.", form, re.DOTALL):
        if piece not in PARTS:
            if piece.isalpha():
                raise ValueError(
                    f"Invalid part {form!r} in partition_format: a time is made of {', '.join(PARTS)}, not {piece!r}."
                )
            pattern += r"[/\\]" if piece in "/\\" else re.escape(piece)
            continue
        group = f"c{number}_{piece}"
        if group in groups[name]:
            raise ValueError(f"Invalid part {form!r} in partition_format: {piece} is there twice.")
        groups[name].append(group)
        pattern += f"(?P<{group}>[0-9]{{{PARTS[piece]}}})"
    return pattern
