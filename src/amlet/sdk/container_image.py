"""v1's older form of an InferenceConfig: the configuration of a container image. No image is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional, Union

from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.inference_config import InferenceConfig
from amlet.sdk.notice import given, warn_ignored
from amlet.sdk.refused import RefusedMember, refused

_IMAGE = "amlet keeps no images: Webservice.deploy_from_model(ws, name, models, image_config) takes the configuration."


class ContainerImageConfig(InferenceConfig):
    """An entry script and what it needs, as v1's images had it; `Webservice.deploy_from_model` takes it.

    Args:
        execution_script: A `.py` file of the current folder, with `init()` and `run(...)`.
        runtime: `python`.
        conda_file: A conda yaml with the packages. By default, those that the first model was trained with.
        docker_file: A file with more lines for a Dockerfile. It does nothing to a service, which is a process here.
        schema_file: v1's schema. No effect: inference-schema's decorators say it in the script.
        dependencies: Files and folders of the current folder that go along.
        tags, properties: v1's of the image. No effect.

    Raises:
        WebserviceException: for a script that is not there or no `.py` file, and for dependencies that are not there.
    """

    def __init__(
        self,
        execution_script: Union[str, Path],
        runtime: Optional[str],
        conda_file: Optional[Union[str, Path]] = None,
        docker_file: Optional[Union[str, Path]] = None,
        schema_file: Optional[Union[str, Path]] = None,
        dependencies: Optional[List[str]] = None,
        enable_gpu: Optional[bool] = None,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        base_image: Optional[str] = None,
        base_image_registry: Optional[ContainerRegistry] = None,
        allow_absolute_path: bool = False,
        cuda_version: Optional[str] = None,
    ) -> None:
        self.dependencies = [str(path) for path in dependencies or ()]
        self.docker_file = docker_file
        self.schema_file = schema_file
        self.tags = tags
        self.properties = properties
        self.allow_absolute_path = allow_absolute_path
        super().__init__(
            execution_script,
            runtime,
            conda_file,
            docker_file,
            enable_gpu=enable_gpu,
            description=description,
            base_image=base_image,
            base_image_registry=base_image_registry,
            cuda_version=cuda_version,
        )
        self.execution_script = self.entry_script
        self.execution_script_path = str(self._script_path().resolve())
        warn_ignored("ContainerImage", given(schema_file=schema_file, tags=tags, properties=properties))

    def validate_configuration(self) -> None:
        """Check that its files are there.

        Raises:
            WebserviceException: with every fault.
        """
        super().validate_configuration()
        lost = [path for path in self.dependencies if not Path(path).exists()]
        if lost:
            raise WebserviceException(
                f"Invalid image configuration: dependencies that are not there: {', '.join(lost)}."
            )

    create_local_debug_payload = RefusedMember(_IMAGE)

    def _extra_paths(self) -> List[Path]:
        return [Path(path) for path in self.dependencies]


ContainerImage = refused("ContainerImage", _IMAGE)
ContainerImage.image_configuration = ContainerImageConfig
"""The one part of it that works: a configuration needs no image."""
