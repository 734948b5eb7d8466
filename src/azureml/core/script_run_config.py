"""v1's module: names of amlet.sdk."""

from amlet.sdk.script_run_config import ScriptRunConfig, get_run_config_from_script_run, submit

__all__ = ["ScriptRunConfig", "get_run_config_from_script_run", "submit"]
