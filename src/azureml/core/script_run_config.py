"""v1's module: names of amlet.sdk."""

from amlet.sdk.script_run_config import ScriptRunConfig

__all__ = ["ScriptRunConfig"]
