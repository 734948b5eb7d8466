"""Packages: models with what asks them as a Dockerfile and its context, or as an image (v1-behaviours 14.11)."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Union

from amlet.base.ids import uuid4_text
from amlet.base.paths import Home, owner_only
from amlet.sdk.container_registry import ContainerRegistry
from amlet.sdk.exceptions import WebserviceException
from amlet.sdk.local_work import FAILED, POLL_S, RUNNING, SUCCEEDED, LocalWork
from amlet.sdk.package_build import Engine, build_image

if TYPE_CHECKING:
    from amlet.sdk.environment import Environment
    from amlet.sdk.workspace import Workspace

CONTEXT, RECORD, LOG = "context", "package.json", "build.log"

_IMAGE_NAME = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class ModelPackage:
    """A Dockerfile with its context, or an image. It lies in AMLET_HOME of this machine.

    Args:
        workspace: Where the models are registered.
        operation_id: Which package.
        environment: What it was made of.

    Raises:
        WebserviceException: if this machine has no such package.
    """

    def __init__(self, workspace: Workspace, operation_id: str, environment: Optional[Environment]) -> None:
        self.workspace = workspace
        self.environment = environment
        self._operation_id = operation_id
        self._folder = Home.find().packages / operation_id
        self._record = _read(self._folder)

    @property
    def state(self) -> str:
        """`Running`, `Succeeded` or `Failed`, when it was last asked for."""
        return str(self._record["state"])

    @property
    def location(self) -> Optional[str]:
        """The folder of the Dockerfile, or the image's name; None until it is there."""
        if self.state != SUCCEEDED:
            return None
        return str(self._record["image"] or self._folder / CONTEXT)

    @property
    def package_build_log_uri(self) -> str:
        """Where the log of the build lies."""
        return (self._folder / LOG).as_uri()

    def update_creation_state(self) -> None:
        """Ask for the state now."""
        self._record = _read(self._folder)

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Wait until it is made.

        Args:
            show_output: Print the build's log as it grows.

        Raises:
            WebserviceException: if it could not be made, with the end of the log.
        """
        shown = 0
        while True:
            self.update_creation_state()
            is_over = self.state != RUNNING
            if show_output:
                text = self.get_logs(offset=shown)
                shown += len(text)
                print(text, end="", flush=True)
            if is_over:
                break
            time.sleep(POLL_S)
        if show_output:
            print(f"Package creation {self.state}", flush=True)
        if self.state == FAILED:
            raise WebserviceException(
                f"The package could not be made: {self._record['error']}\nThe end of its log:\n"
                + "\n".join(self.get_logs().splitlines()[-20:]),
                hint="generate_dockerfile=True gives the Dockerfile and its context, to be built elsewhere.",
            )

    def get_logs(self, decode: bool = True, offset: int = 0) -> Any:
        """What the build printed.

        Args:
            decode: As text; else as bytes.
            offset: From which character on, or byte.
        """
        try:
            data = (self._folder / LOG).read_bytes()
        except FileNotFoundError:
            data = b""
        return data.decode("utf-8", "replace")[offset:] if decode else data[offset:]

    def pull(self) -> None:
        """See that the image is with this machine's container engine, where it was built.

        Raises:
            WebserviceException: if it is a Dockerfile, not made yet, or gone from the engine.
        """
        image = self._record["image"]
        if image is None:
            raise WebserviceException(
                "This package is a Dockerfile with its context, not an image.", hint="save(output_directory) writes it."
            )
        self._need_made()
        engine = Engine.find()
        if engine is None or not engine.has_image(image):
            raise WebserviceException(f"The image {image} is not on this machine any more.", hint="package it again.")
        print(f"Image {image} is on this machine: `{engine.name} run --rm --publish 5001:5001 {image}` starts it.")

    def save(self, output_directory: Union[str, Path]) -> None:
        """Write the Dockerfile and its context to a folder.

        Raises:
            WebserviceException: if it is an image.
            FileExistsError: if a file would be written over.
        """
        if self._record["image"] is not None:
            raise WebserviceException(
                "This package is an image, without a Dockerfile to save.",
                hint="Model.package(..., generate_dockerfile=True) makes one.",
            )
        self._need_made()
        target, context = Path(output_directory), self._folder / CONTEXT
        taken = [name.name for name in context.iterdir() if (target / name.name).exists()]
        if taken:
            raise FileExistsError(f"There already in {target}: {', '.join(sorted(taken))}.")
        target.mkdir(parents=True, exist_ok=True)
        for item in context.iterdir():
            if item.is_dir():
                shutil.copytree(str(item), str(target / item.name))
            else:
                shutil.copy2(str(item), str(target / item.name))

    def get_container_registry(self) -> ContainerRegistry:
        """Where the image is: this machine's own store."""
        made = ContainerRegistry()
        made.address = "localhost"
        return made

    def serialize(self) -> Dict[str, Any]:
        """The package under v1's keys."""
        return {
            "workspaceName": self.workspace.name,
            "operationId": self._operation_id,
            "state": self.state,
            "location": self.location,
            "packageBuildLogUri": self.package_build_log_uri,
            "environment": None if self.environment is None else self.environment.name,
            "models": list(self._record["models"]),
        }

    def __repr__(self) -> str:
        return f"ModelPackage(operation_id={self._operation_id!r}, state={self.state!r}, location={self.location!r})"

    def _need_made(self) -> None:
        self.update_creation_state()
        if self.state != SUCCEEDED:
            raise WebserviceException(f"The package is {self.state}.", hint="wait_for_creation() first.")


def package(
    workspace: Workspace,
    models: Any,
    inference_config: Any,
    *,
    generate_dockerfile: bool,
    image_name: Optional[str],
    image_label: Optional[str],
) -> ModelPackage:
    """See `Model.package`."""
    from amlet.sdk.package_context import write_context

    engine = None if generate_dockerfile else Engine.find()
    if engine is None and not generate_dockerfile:
        raise WebserviceException(
            "There is no container engine on this machine to build an image with: neither podman nor docker answers.",
            hint="generate_dockerfile=True gives the Dockerfile and its context.",
        )
    operation_id = uuid4_text()
    image = None
    if engine is not None:
        image = f"{image_name or 'package'}:{image_label or operation_id[:8]}"
        name, _, label = image.rpartition(":")
        if not _IMAGE_NAME.fullmatch(name) or not _LABEL.fullmatch(label):
            raise WebserviceException(f"{image!r} cannot name an image.", hint='image_name="iris", image_label="1".')
    folder = owner_only(Home.find().packages / operation_id)
    try:
        made = write_context(folder / CONTEXT, workspace, models, inference_config)
    except BaseException:
        shutil.rmtree(str(folder), ignore_errors=True)
        raise
    record = {"image": image, "models": made.model_ids}
    work = LocalWork(folder / RECORD)
    if engine is None or image is None:
        work.note({**record, "state": SUCCEEDED, "error": None})
    else:
        built_by, called = engine, image
        work.start(record, lambda: {"error": build_image(built_by, folder / CONTEXT, called, folder / LOG)})
    return ModelPackage(workspace, operation_id, made.environment)


def _read(folder: Path) -> Dict[str, Any]:
    try:
        return LocalWork(folder / RECORD).read()
    except (OSError, ValueError) as error:
        raise WebserviceException(
            f"There is no package {folder.name} on this machine.", hint="Model.package makes one."
        ) from error
