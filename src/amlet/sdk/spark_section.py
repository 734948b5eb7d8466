"""v1's Spark settings of an environment: kept and given back. Jobs are Python processes."""

from __future__ import annotations

from typing import Any, List, Optional

from amlet.sdk.config_element import ConfigElement


class SparkPackage(ConfigElement):
    """A package of Maven's."""

    def __init__(
        self, group: Optional[str] = None, artifact: Optional[str] = None, version: Optional[str] = None
    ) -> None:
        self.group = group
        self.artifact = artifact
        self.version = version
        self._close()


class SparkSection(ConfigElement):
    """Repositories and packages of a Spark session: kept and given back."""

    def __init__(self, **kwargs: Any) -> None:
        self.repositories: List[str] = []
        self.packages: List[SparkPackage] = []
        self.precache_packages = True
        self._close()
        for name, value in kwargs.items():
            setattr(self, name, value)


class SparkEnvironment(SparkSection):
    """v1's older name of SparkSection."""

    def __init__(self) -> None:
        super().__init__()
