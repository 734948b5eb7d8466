"""v1's module: names of amlet.sdk."""

from amlet.sdk.script_run import ScriptRun

__all__ = ["ScriptRun"]
