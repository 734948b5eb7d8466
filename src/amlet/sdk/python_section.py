"""The Python of an environment, and what is in it."""

from __future__ import annotations

from typing import Any, Optional

from amlet.sdk.conda_dependencies import CondaDependencies
from amlet.sdk.config_element import ConfigElement


class PythonSection(ConfigElement):
    """Which Python, and what is in it."""

    def __init__(self, **kwargs: Any) -> None:
        self.interpreter_path = "python"
        """Used when the user manages the dependencies: a path, or a name on PATH."""
        self.user_managed_dependencies = False
        self.conda_dependencies: Optional[CondaDependencies] = CondaDependencies()
        self.conda_dependencies_file: Optional[str] = None
        """A yaml that is read at submit, in place of `conda_dependencies`."""
        self.base_conda_environment: Optional[str] = None
        self.strict = False
        """amlet's own: every relaxation - another Python, another version - is an error, not a note."""
        self._close()
        for name, value in kwargs.items():
            setattr(self, name, value)


class PythonEnvironment(PythonSection):
    """v1's older name of PythonSection."""

    def __init__(self) -> None:
        super().__init__()
