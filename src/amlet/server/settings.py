"""Settings of the server: `AMLET_HOME/config.toml`, each key also the environment variable AMLET_<KEY>."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.names import closest
from amlet.base.paths import Home
from amlet.domain.compute import LOCAL_ENGINE, RAY_ENGINE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):[0-9]{1,5}")


class Settings(NamedTuple):
    """All keys, with what holds when nobody says otherwise."""

    idle_end_s: float = 2 * 3600.0
    """The server ends itself after so long without a call, a run or a service."""
    public_url: str | None = None
    """The address that clients use, when a proxy stands in front."""
    engine: str = LOCAL_ENGINE
    """Who starts the nodes of AmlCompute targets that are made from now on: `local` or `ray`."""
    ray_address: str | None = None
    """HOST:PORT of the head of Ray's cluster, which this machine is in."""

    strict: bool = False
    """Whatever would be relaxed to resolve an environment is an error, for every environment."""
    offline_environments: bool = False
    """Environments are resolved and built from uv's cache alone; no index is asked."""

    @classmethod
    def load(cls, home: Home, given: Mapping[str, str | None] | None = None) -> Settings:
        """Read the file and the variables.

        Args:
            given: What goes before both, by key; None leaves a key to them.

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
            text = (given or {}).get(key)
            if text is None:
                text = os.environ.get(f"AMLET_{key.upper()}", found.get(key))
            if text is None:
                continue
            try:
                values[key] = _read(text, default)
            except (TypeError, ValueError):
                expected = "true or false" if isinstance(default, bool) else "a number"
                faults.append(FieldError(key, f"expected {expected}, got {text!r}"))
        faults += _faults_of_engine(values)
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


def _faults_of_engine(values: Mapping[str, Any]) -> list[FieldError]:
    engine, address = values.get("engine", LOCAL_ENGINE), values.get("ray_address")
    faults = []
    if engine not in (LOCAL_ENGINE, RAY_ENGINE):
        faults.append(FieldError("engine", f"must be {LOCAL_ENGINE} or {RAY_ENGINE}, got {engine[:50]!r}"))
    if engine == RAY_ENGINE and address is None:
        faults.append(FieldError("ray_address", "is needed with the engine ray: HOST:PORT of the cluster's head"))
    if address is not None and not ADDRESS.fullmatch(address):
        faults.append(
            FieldError(
                "ray_address",
                f"must be HOST:PORT of the cluster's head, got {address[:100]!r}; this machine joins the cluster by "
                "`ray start --address=HOST:PORT --num-cpus=0`",
            )
        )
    elif address is not None and importlib.util.find_spec("ray") is None:
        faults.append(FieldError("ray_address", "needs Ray: `pip install 'amlet[ray]'`"))
    return faults
