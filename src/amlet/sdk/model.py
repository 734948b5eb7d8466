"""Models: registered, versioned files of a trained model (v1-behaviours 14)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

from amlet.base.errors import NotFound
from amlet.base.ids import uuid4_text
from amlet.base.names import MODEL, SERVICE
from amlet.base.paths import inside
from amlet.domain import model as records
from amlet.domain.compute import AKS
from amlet.sdk.exceptions import (
    AzureMLException,
    ModelNotFoundException,
    UserErrorException,
    WebserviceException,
    as_v1,
)
from amlet.sdk.filters import has_all
from amlet.sdk.notice import given, warn, warn_ignored
from amlet.sdk.resource_configuration import ResourceConfiguration

if TYPE_CHECKING:
    from amlet.sdk.run import Run
    from amlet.sdk.webservice import Webservice
    from amlet.sdk.workspace import Workspace
    from amlet.wire.models import RegisterModel

DOWNLOADS = "azureml-models"
"""The folder that `get_model_path` fills (v1-behaviours 14.8)."""


class Model:
    """One version of a registered model; the latest by default.

    Args:
        workspace: Where it is registered.
        name: Its name; or
        id: its name and version, `sklearn-iris:2`.
        tags: Only one with these: a list of keys, or of [key, value].
        version: Which one.
        run_id: Only one that this run made.

    Raises:
        WebserviceException: if there is none.
    """

    class Framework:
        """What a model was made with."""

        CUSTOM = records.CUSTOM
        TENSORFLOW = records.TENSORFLOW
        SCIKITLEARN = records.SCIKITLEARN
        ONNX = records.ONNX
        TFKERAS = records.TFKERAS
        PYTORCH = records.PYTORCH
        MULTI = records.MULTI

    def __init__(
        self,
        workspace: Workspace,
        name: Optional[str] = None,
        id: Optional[str] = None,
        tags: Optional[Sequence[Any]] = None,
        properties: Optional[Sequence[Any]] = None,
        version: Optional[int] = None,
        run_id: Optional[str] = None,
        model_framework: Optional[str] = None,
        expand: bool = True,
        **kwargs: Any,
    ) -> None:
        self.workspace = workspace
        record = kwargs.pop("_record", None)
        if record is None:
            if not name and not id:
                raise WebserviceException("A model needs a name or an id.", hint='Model(ws, name="sklearn-iris").')
            name, version = _parts(name, id, version)
            found = _find(workspace, name, version, run_id, model_framework, tags, properties)
            if not found:
                raise _not_found(workspace, name, version)
            record = found[0]
        self._set(record)

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: Union[str, Path],
        model_name: str,
        tags: Optional[Dict[str, Optional[str]]] = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        datasets: Any = None,
        model_framework: Optional[str] = None,
        model_framework_version: Optional[str] = None,
        child_paths: Optional[List[str]] = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> Model:
        """Make a model of a file or folder on this machine: the next version under its name.

        Args:
            model_path: The file, or the folder whose files make the model.
            child_paths: Only these files of the folder.

        Raises:
            FileNotFoundError: if there is no such path.
            WebserviceException: for a bad name, framework or resource configuration.
        """
        from amlet.sdk.local_files import files_below
        from amlet.wire.models import RegisterModel

        ignored = given(
            datasets=datasets, sample_input_dataset=sample_input_dataset, sample_output_dataset=sample_output_dataset
        )
        warn_ignored("Model.register", ignored)
        asked = RegisterModel(
            name=model_name,
            entries=[],
            framework=model_framework,
            framework_version=model_framework_version,
            description=description,
            tags=dict(tags or {}),
            properties=dict(properties or {}),
            resources=resource_configuration._to_resources() if resource_configuration else None,
            request_id=uuid4_text(),
        )
        Model._check_registration(asked)
        place = Path(model_path).absolute()
        if not place.exists():
            raise FileNotFoundError(f"Error, provided model path does not exist: {place}")
        files = files_below(place, place.name)
        entries = files.entries
        if child_paths is not None:
            wanted = {f"{place.name}/{Path(child).as_posix()}" for child in child_paths}
            entries = [entry for entry in entries if entry.path in wanted]
            lost = sorted(wanted - {entry.path for entry in entries})
            if lost:
                raise FileNotFoundError(f"Error, provided child paths do not exist in {place}: {', '.join(lost)}")
        if not entries:
            raise WebserviceException(f"{place} holds no files to make a model of.")
        return Model._register(workspace, asked._replace(entries=entries), files.sources)

    @staticmethod
    def list(
        workspace: Workspace,
        name: Optional[str] = None,
        tags: Optional[Sequence[Any]] = None,
        properties: Optional[Sequence[Any]] = None,
        run_id: Optional[str] = None,
        latest: bool = False,
        dataset_id: Optional[str] = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: Optional[str] = None,
    ) -> List[Model]:
        """Models, newest first.

        Args:
            tags: A list of keys, or of [key, value]; a model must have them all.
            latest: Only the latest version of each name.
        """
        for what, value in (("tags", tags), ("properties", properties)):
            if value is not None and not isinstance(value, list):
                raise UserErrorException(f"{what} must be a list of keys or of [key, value], not {value!r}.")
        warn_ignored("Model.list", given(dataset_id=dataset_id))
        found = _find(workspace, name, None, run_id, model_framework, tags, properties, latest=latest)
        return [Model(workspace, _record=record) for record in found]

    @staticmethod
    def get_model_path(model_name: str, version: Optional[int] = None, _workspace: Optional[Workspace] = None) -> str:
        """Where the files of a model are on this machine.

        Inside a job, or with a workspace at hand, the model is downloaded to `azureml-models/<name>/<version>`;
        elsewhere a file or folder of that name in this folder comes first.

        Raises:
            WebserviceException: if `version` is no int.
            ModelNotFoundException: if the model is found nowhere.
        """
        from amlet.runtime.job import JobContext
        from amlet.sdk.workspace import Workspace

        if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
            raise WebserviceException(f"version must be an int, not {version!r}.")
        context = JobContext.current()
        workspace = _workspace
        if workspace is None and context is not None:
            workspace = Workspace(context.subscription_id, context.resource_group, context.workspace_name)
        if workspace is None:
            if Path(model_name).exists():
                return model_name
            try:
                workspace = Workspace.from_config()
            except UserErrorException as error:
                raise ModelNotFoundException(
                    f"Model {model_name} is not in this folder, nor is there a workspace to look in.", hint=error.hint
                ) from error
        try:
            model = Model(workspace, name=model_name, version=version)
        except WebserviceException as error:
            raise ModelNotFoundException(error.message, hint=error.hint) from error
        return model.download(os.path.join(DOWNLOADS, model.name, str(model.version)), exist_ok=True)  # noqa: PTH118

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: Sequence[Union[Model, str]],
        inference_config: Any = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Webservice:
        """Serve one scikit-learn model over HTTP, in the environment that it was trained in.

        Args:
            name: What the service is called: 3 to 32 lower-case letters, digits or `-`.
            models: One model, or its id.
            deployment_target: An AksCompute target; this machine answers for it, as without one.
            overwrite: Replace a service of that name; the old one answers until the new one does.
            show_output: Wait, and print the steps.

        Returns:
            The service; `wait_for_deployment` waits until it answers.

        Raises:
            WebserviceException: for a bad or taken name.
            UserErrorException: for no or several models, or one that cannot be served without code.
        """
        from amlet.sdk.webservice import Webservice
        from amlet.wire.services import DeployService

        if not SERVICE.allows(name):
            raise WebserviceException(f"{name!r} cannot be the name of a service: {SERVICE.words}.")
        chosen = _chosen(workspace, models)
        if inference_config is not None or deployment_config is not None:
            what = "inference_config" if inference_config is not None else "deployment_config"
            raise UserErrorException(
                f"{what} cannot be used: a scikit-learn model is served without code and on this machine.",
                hint=f"Model.deploy(ws, {name!r}, [model]).",
            )
        target = _serving_target(deployment_target)
        if len(chosen) != 1:
            raise UserErrorException(
                "You must provide an InferenceConfig when deploying zero or multiple models; "
                f"{len(chosen)} were given.",
                hint="pass one scikit-learn model in the list.",
            )
        if chosen[0].model_framework != records.SCIKITLEARN:
            raise UserErrorException(
                f"Model {chosen[0].id} has the framework {chosen[0].model_framework}; "
                f"without an InferenceConfig only {records.SCIKITLEARN} can be served.",
                hint="register it with model_framework=Model.Framework.SCIKITLEARN.",
            )
        held = workspace._connection
        asked = DeployService(
            name, [model.id for model in chosen], overwrite=overwrite, request_id=uuid4_text(), target=target
        )
        with as_v1(WebserviceException):
            record = held.client.services.deploy(held.workspace_id, asked)
        service = Webservice._of(workspace, record)
        if show_output:
            service.wait_for_deployment(show_output=True)
        return service

    @property
    def run(self) -> Optional[Run]:
        """The run that made it, or None."""
        if self.run_id is None:
            return None
        from amlet.sdk.run import Run

        return Run.get(self.workspace, self.run_id)

    def download(
        self, target_dir: Union[str, Path] = ".", exist_ok: bool = False, exists_ok: Optional[bool] = None
    ) -> str:
        """Save the model's files.

        Args:
            target_dir: The folder; it is made.
            exist_ok: Replace files that are there. (`exists_ok` is its older name.)

        Returns:
            The path of the file, or of the folder that all its files lie in.

        Raises:
            WebserviceException: if a file is there already, and `exist_ok` is False.
        """
        from amlet.client.downloads import download
        from amlet.wire.files import FileQuery

        held, replace = self.workspace._connection, exist_ok or bool(exists_ok)
        with as_v1(WebserviceException):
            entries = held.client.models.files(held.workspace_id, self.name, self.version).entries
            targets = [(entry.path, inside(Path(target_dir), entry.path)) for entry in entries]
            taken = [str(target) for _, target in targets if target.exists()]
            if taken and not replace:
                raise WebserviceException(f"There already: {', '.join(taken)}.", hint="pass exist_ok=True.")
            for path, target in targets:
                _download(held, self, FileQuery(path), target, download)
        return os.path.commonpath([str(target) for _, target in targets])

    def delete(self) -> None:
        """Delete this version.

        Raises:
            WebserviceException: if a service uses it.
        """
        held = self.workspace._connection
        with as_v1(WebserviceException):
            held.client.models.delete(held.workspace_id, self.name, self.version)

    def serialize(self) -> Dict[str, Any]:
        """The model under v1's keys."""
        resources = self.resource_configuration
        return {
            "createdTime": str(self.created_time),
            "description": self.description,
            "experimentName": self.experiment_name,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "id": self.id,
            "name": self.name,
            "properties": self.properties,
            "resourceConfiguration": resources.serialize() if resources else None,
            "runId": self.run_id,
            "tags": self.tags,
            "version": self.version,
        }

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )

    def _set(self, record: records.Model) -> None:
        self.id = record.id
        self.name = record.name
        self.version = record.version
        self.tags = dict(record.tags)
        self.properties = dict(record.properties)
        self.description = record.description
        self.created_time = record.created
        self.run_id = record.run_id
        self.experiment_name = record.experiment
        self.model_framework = record.framework
        self.model_framework_version = record.framework_version
        self.resource_configuration = ResourceConfiguration(*record.resources) if record.resources else None

    @staticmethod
    def _check_registration(asked: RegisterModel) -> None:
        """v1's checks before anything is sent (v1-behaviours 14.1)."""
        if not MODEL.allows(asked.name):
            raise WebserviceException(f"{asked.name!r} cannot be the name of a model: {MODEL.words}.")
        if asked.framework_version is not None and asked.framework is None:
            raise WebserviceException(
                f"model_framework_version {asked.framework_version!r} is given without a model_framework.",
                hint="add model_framework=Model.Framework.SCIKITLEARN.",
            )
        if asked.framework is not None and asked.framework not in records.FRAMEWORKS:
            raise WebserviceException(
                f"model_framework {asked.framework!r} is none of {', '.join(records.FRAMEWORKS)}."
            )

    @staticmethod
    def _register(
        workspace: Workspace,
        asked: RegisterModel,
        sources: Mapping[str, Tuple[Union[str, Path], int]],
        *,
        missing: Type[AzureMLException] = WebserviceException,
    ) -> Model:
        """Send what is missing and register.

        Args:
            missing: What to raise when the run has no such file.
        """
        from amlet.client.uploads import submit_with_blobs

        print(f"Registering model {asked.name}", flush=True)
        held = workspace._connection
        with as_v1(WebserviceException):
            try:
                answer = submit_with_blobs(
                    lambda: held.client.models.register(held.workspace_id, asked),
                    held.client,
                    held.workspace_id,
                    dict(sources),
                )
            except NotFound as error:
                raise missing(error.message, hint=error.hint) from error
        for note in answer.notes:
            warn(note)
        return Model(workspace, _record=answer.model)


def _download(held: Any, model: Model, query: Any, target: Path, download: Any) -> None:
    download(
        lambda offset: held.client.models.file(
            held.workspace_id, model.name, model.version, query._replace(offset=offset)
        ),
        target,
    )


def _parts(name: Optional[str], id: Optional[str], version: Optional[int]) -> Tuple[str, Optional[int]]:
    if not id:
        return str(name), version
    own_name, mark, number = id.rpartition(":")
    if not mark or not number.isdigit():
        raise WebserviceException(f"{id!r} is no id of a model.", hint="an id is `<name>:<version>`.")
    return own_name, int(number)


def _find(
    workspace: Workspace,
    name: Optional[str],
    version: Optional[int],
    run_id: Optional[str],
    framework: Optional[str],
    tags: Optional[Sequence[Any]],
    properties: Optional[Sequence[Any]],
    *,
    latest: bool = False,
) -> List[records.Model]:
    from amlet.wire.models import ModelQuery

    held = workspace._connection
    query = ModelQuery(name, None if version is None else int(version), run_id, framework, latest)
    with as_v1(WebserviceException):
        found = held.client.models.list(held.workspace_id, query).models
    return [record for record in found if has_all(record.tags, tags) and has_all(record.properties, properties)]


def _not_found(workspace: Workspace, name: str, version: Optional[int]) -> WebserviceException:
    from amlet.base.names import closest

    known = sorted({record.name for record in _find(workspace, None, None, None, None, None, None, latest=True)})
    told = f"ModelNotFound: Model with name {name}" + (f" and version {version}" if version is not None else "")
    listed = "it has: " + ", ".join(known[:10]) + "." if known else "it has no models yet."
    return WebserviceException(
        f"{told} is not in workspace {workspace.name}.",
        hint=("" if name in known else closest(name, known)) + listed,
    )


def _serving_target(target: Any) -> Optional[str]:
    if target is None:
        return None
    name = getattr(target, "name", None)
    if not isinstance(name, str) or getattr(target, "type", None) != AKS:
        raise WebserviceException(
            f"deployment_target {target!r} cannot be used: it serves no models.",
            hint="leave it out: this machine serves. An AksCompute target can be named too.",
        )
    return name


def _chosen(workspace: Workspace, models: Any) -> List[Model]:
    if isinstance(models, (Model, str)):
        models = [models]
    chosen = []
    for item in models or ():
        if isinstance(item, Model):
            chosen.append(item)
        elif isinstance(item, str):
            chosen.append(Model(workspace, id=item) if ":" in item else Model(workspace, name=item))
        else:
            raise UserErrorException(f"models must be models or their ids, not {type(item).__name__}.")
    return chosen
