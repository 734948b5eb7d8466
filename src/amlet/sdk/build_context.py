"""Build contexts: a folder with a Dockerfile, of which the Dockerfile alone is used."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

from amlet.sdk.config_element import ConfigElement
from amlet.sdk.exceptions import UserErrorException

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


class DockerBuildContext(ConfigElement):
    """Where a Dockerfile lies. One that takes files out of its folder is refused.

    Args:
        location_type: `git` or `storageAccount`, as v1 has it.
        location: The folder.
        dockerfile_path: The Dockerfile below it.
    """

    class LocationType(str, Enum):
        """Kinds of places."""

        Git = "git"
        StorageAccount = "storageAccount"

    def __init__(
        self, location_type: Any = None, location: Optional[str] = None, dockerfile_path: str = "Dockerfile"
    ) -> None:
        self.location_type = location_type
        self.location = location
        self.dockerfile_path = dockerfile_path
        self._close()

    @staticmethod
    def from_local_directory(
        workspace: Workspace, path: Union[str, Path], dockerfile_path: str = "Dockerfile"
    ) -> DockerBuildContext:
        """The Dockerfile of a folder on this machine.

        Raises:
            FileNotFoundError: if there is none.
            UserErrorException: if it takes files out of the folder, naming each.
        """
        made = DockerBuildContext(
            DockerBuildContext.LocationType.StorageAccount, str(Path(path).absolute()), dockerfile_path
        )
        made._text()
        return made

    def _text(self) -> str:
        """The Dockerfile.

        Raises:
            FileNotFoundError: if there is none.
            UserErrorException: if it needs the folder, or that is not on this machine.
        """
        from amlet.domain.dockerfile import faults_of_dockerfile

        if not self.location or "://" in self.location or self.location_type == self.LocationType.Git:
            raise UserErrorException(
                f"The build context {self.location!r} is not a folder of this machine, and is not fetched.",
                hint="build the image yourself and name it: env.docker.base_image = 'registry/image:tag'.",
            )
        place = Path(self.location) / self.dockerfile_path
        if not place.is_file():
            raise FileNotFoundError(f"There is no Dockerfile {place}.")
        text = place.read_text("utf-8")
        faults = [f"line {fault.line}: {fault.message}" for fault in faults_of_dockerfile(text) if fault.line]
        if faults:
            raise UserErrorException(
                f"Build contexts are not sent, and {place} needs one: {'; '.join(faults)}.",
                hint=f"build it with `podman build --tag my-image {self.location}`, then name it: "
                "env.docker.base_image = 'localhost/my-image'. Files of the script belong into the source folder.",
            )
        return text
