"""Text of requests: what the records, and the processes that are started with it, can carry."""

from __future__ import annotations

from collections.abc import Mapping

from amlet.base.errors import FieldError


def faults_of_label(path: str, text: str, limit: int) -> list[FieldError]:
    """Faults of one line of text that is kept, shown and handed to jobs as a variable."""
    if len(text) > limit:
        return [FieldError(path, f"may have at most {limit:,} characters, has {len(text):,}")]
    if not all(character.isprintable() for character in text):
        return [FieldError(path, f"{text[:50]!r} holds a character that is not printable")]
    return []


def faults_of_argument(path: str, text: str) -> list[FieldError]:
    """Faults of text that a process is started with. Bytes that are no Unicode are surrogates, as Python
    has them."""
    if "\x00" in text:
        return [FieldError(path, "must have no NUL: no process can be started with it")]
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return [FieldError(path, f"{text[:50]!r} is not valid Unicode")]
    return []


def faults_of_variables(path: str, variables: Mapping[str, str]) -> list[FieldError]:
    """Faults of environment variables: names and values."""
    faults: list[FieldError] = []
    for name, value in variables.items():
        place = f"{path}.{name[:100]}"
        if not name or "=" in name:
            faults.append(FieldError(place, "is not a name of an environment variable"))
        else:
            faults += faults_of_argument(place, name) or faults_of_argument(place, value)
    return faults


def storable(text: str | None) -> str | None:
    """An error's text may hold anything that a user's code or file does; the records take valid Unicode only."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode("utf-8")
