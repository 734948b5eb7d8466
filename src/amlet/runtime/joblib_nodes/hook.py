"""Gives joblib our backend as its default once the script has imported it.

Loaded by the bootstrap under no name, ahead of the script: it imports nothing that the interpreter has not loaded.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LISTEN = "AMLET_JOBLIB_LISTEN"
"""Where the run's other nodes will look for this process; set for the script's own process alone."""


def install() -> None:
    """Wait for the script's import of joblib. It is never imported for our sake."""
    if LISTEN not in os.environ:
        return
    if "joblib" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Sees one import pass, and then is gone."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "joblib":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            look = getattr(finder, "find_spec", None)
            spec = look(name, path, target) if look is not None else None
            if spec is not None:
                break
        else:
            return None
        loader = spec.loader
        run = getattr(loader, "exec_module", None)
        if run is not None and hasattr(loader, "__dict__"):

            def exec_module(module: Any) -> None:
                del loader.exec_module
                run(module)
                _register()

            loader.exec_module = exec_module
        return spec


def _register() -> None:
    try:
        from amlet.runtime.joblib_nodes.backend import register

        register(os.environ[LISTEN])
    except Exception as error:  # noqa: BLE001 - joblib works without other nodes
        sys.stderr.write(
            f"amlet: n_jobs does not spread over the run's nodes: {type(error).__name__}: {error}. "
            "It uses this node's cores; joblib 0.17 or newer is needed.\n"
        )
