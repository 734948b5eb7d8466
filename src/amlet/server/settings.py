"""Settings of the server: `AMLET_HOME/config.toml`, each key also the environment variable AMLET_<KEY>."""

from __future__ import annotations

import os
import sys
from typing import Any, NamedTuple

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.names import closest
from amlet.base.paths import Home

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Settings(NamedTuple):
    """All keys, with what holds when nobody says otherwise."""

    idle_end_s: float = 2 * 3600.0
    """The server ends itself after so long without a call, a run or a service."""
    public_url: str | None = None
    """The address that clients use, when a proxy stands in front."""

    strict: bool = False
    """Whatever would be relaxed to resolve an environment is an error, for every environment."""
    offline_environments: bool = False
    """Environments are resolved and built from uv's cache alone; no index is asked."""

    @classmethod
    def load(cls, home: Home) -> Settings:
        """Read the file and the variables.

        Raises:
            InvalidInput: with every unknown key and bad value.
        """
        found: dict[str, Any] = {}
        if home.config.exists():
            try:
                found = tomllib.loads(home.config.read_text())
            except tomllib.TOMLDecodeError as error:
                raise InvalidInput(f"{home.config} is not TOML: {error}.") from error
        faults = [
            FieldError(key, "is not a setting; " + closest(key, list(cls._fields)) + "known: " + ", ".join(cls._fields))
            for key in found
            if key not in cls._fields
        ]
        values: dict[str, Any] = {}
        for key, default in cls._field_defaults.items():
            given = os.environ.get(f"AMLET_{key.upper()}", found.get(key))
            if given is None:
                continue
            try:
                values[key] = _read(given, default)
            except (TypeError, ValueError):
                expected = "true or false" if isinstance(default, bool) else "a number"
                faults.append(FieldError(key, f"expected {expected}, got {given!r}"))
        if faults:
            raise InvalidInput.of(faults, subject=str(home.config))
        return cls(**values)


_TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def _read(given: Any, default: object) -> object:
    """A value of the default's type; a variable's comes as text."""
    if isinstance(default, bool):
        text = str(given).lower()
        if text not in _TRUTHS:
            raise ValueError(text)
        return _TRUTHS[text]
    return float(given) if isinstance(default, float) else str(given)
