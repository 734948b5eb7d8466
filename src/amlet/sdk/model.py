"""Models: registered, versioned files of a trained model (v1-behaviours 14)."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

from amlet.base.ids import uuid4_text
from amlet.base.paths import inside
from amlet.domain import model as records
from amlet.sdk.exceptions import (
    UserErrorException,
    WebserviceException,
    as_v1,
)
from amlet.sdk.model_links import dataset_uses, sample_id, serialize, user_name
from amlet.sdk.model_search import find_records, name_and_version, not_found
from amlet.sdk.refused import RefusedMember
from amlet.sdk.resource_configuration import ResourceConfiguration

if TYPE_CHECKING:
    from amlet.client.body import Body
    from amlet.sdk.inference_config import InferenceConfig
    from amlet.sdk.model_package import ModelPackage
    from amlet.sdk.model_profile import ModelProfile
    from amlet.sdk.run import Run
    from amlet.sdk.webservice import Webservice
    from amlet.sdk.workspace import Workspace

PAGE_COUNTS = (20, 255)
"""v1-behaviours 14.5."""


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
        LIGHTGBM = records.LIGHTGBM
        XGBOOST = records.XGBOOST

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
            name, version = name_and_version(workspace, name, id, version)
            found = find_records(workspace, name, version, run_id, model_framework, tags, properties)
            if not found:
                raise not_found(workspace, name, version)
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
        from amlet.sdk.model_registration import check_registration, files_of_model, register
        from amlet.wire.models import RegisterModel

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
            datasets=dataset_uses(datasets),
            sample_input=sample_id("sample_input_dataset", sample_input_dataset),
            sample_output=sample_id("sample_output_dataset", sample_output_dataset),
            by=user_name(),
        )
        check_registration(asked)
        files = files_of_model(Path(model_path), child_paths)
        return register(workspace, asked._replace(entries=files.entries), files.sources)

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
            dataset_id: Only those made with this dataset.
            page_count: v1's size of a page, 20 to 255; all are given here at once.

        Raises:
            UserErrorException: if tags or properties are no list.
            WebserviceException: for a page_count out of range.
        """
        for what, value in (("tags", tags), ("properties", properties)):
            if value is not None and not isinstance(value, list):
                raise UserErrorException(f"{what} must be a list of keys or of [key, value], not {value!r}.")
        if not PAGE_COUNTS[0] <= page_count <= PAGE_COUNTS[1]:
            raise WebserviceException(
                f"page_count must be from {PAGE_COUNTS[0]} to {PAGE_COUNTS[1]}, not {page_count}."
            )
        found = find_records(
            workspace, name, None, run_id, model_framework, tags, properties, latest=latest, dataset_id=dataset_id
        )
        return [Model(workspace, _record=record) for record in found]

    @staticmethod
    def get_model_path(model_name: str, version: Optional[int] = None, _workspace: Optional[Workspace] = None) -> str:
        """Where the files of a model are on this machine.

        Inside a service it is the model's file or folder there. Inside a job, or with a workspace at hand, the model
        is downloaded to `azureml-models/<name>/<version>`; elsewhere a file or folder of that name in this folder
        comes first.

        Raises:
            WebserviceException: if `version` is no int.
            ModelNotFoundException: if the model is found nowhere.
        """
        from amlet.sdk.model_path import model_path

        return model_path(model_name, version, _workspace)

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: Sequence[Union[Model, str]],
        inference_config: Optional[InferenceConfig] = None,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Webservice:
        """Serve models over HTTP.

        Without an `inference_config` one model is served without code, in the environment that it was trained in; with
        one, its entry script asks any number of models.

        Args:
            name: What the service is called: 3 to 32 lower-case letters, digits or `-`.
            models: Models, their ids (`iris:2`, `iris@champion`) or names, or paths of files or folders here, which
                are registered under their own names.
            inference_config: The entry script and its environment.
            deployment_config: What `deploy_configuration` of LocalWebservice, AciWebservice, AksWebservice or
                AksEndpoint gives; AciWebservice's by default, AksWebservice's for a target.
            deployment_target: An AmlCompute target, or an AksCompute of a server with Ray: its nodes share the service.
                Without one, and for any other AksCompute, this machine answers.
            overwrite: Replace a service of that name; the old one answers until the new one does.
            show_output: Wait, and print the steps.

        Returns:
            The service, of the configuration's class; `wait_for_deployment` waits until it answers.

        Raises:
            WebserviceException: for a bad or taken name, or what cannot be as configured.
            UserErrorException: without an inference_config, for no or several models, or one that needs code.
        """
        from amlet.sdk.deploy import deploy

        return deploy(
            workspace,
            name,
            models,
            inference_config,
            deployment_config,
            deployment_target,
            overwrite=overwrite,
            show_output=show_output,
        )

    @staticmethod
    def package(
        workspace: Workspace,
        models: Sequence[Union[Model, str]],
        inference_config: Optional[InferenceConfig] = None,
        generate_dockerfile: bool = False,
        image_name: Optional[str] = None,
        image_label: Optional[str] = None,
    ) -> ModelPackage:
        """Make a container image of models and what asks them, or a Dockerfile with its context.

        The image holds the exact packages of the environment and answers as a service does, on port 5001.

        Args:
            models: As of `deploy`.
            inference_config: As of `deploy`.
            generate_dockerfile: A Dockerfile with its context, for another machine to build.
            image_name: What the image is called; `package` by default.
            image_label: Its label; chosen at random by default.

        Returns:
            The package; `wait_for_creation` waits for it.

        Raises:
            UserErrorException: without an inference_config, for no or several models.
            WebserviceException: if an image is asked for without a container engine, or for what cannot be packaged.
        """
        from amlet.sdk.model_package import package

        return package(
            workspace,
            models,
            inference_config,
            generate_dockerfile=generate_dockerfile,
            image_name=image_name,
            image_label=image_label,
        )

    @staticmethod
    def profile(
        workspace: Workspace,
        profile_name: str,
        models: Sequence[Union[Model, str]],
        inference_config: Optional[InferenceConfig],
        input_dataset: Any,
        cpu: Optional[float] = None,
        memory_in_gb: Optional[float] = None,
        description: Optional[str] = None,
    ) -> ModelProfile:
        """Measure how long requests take and how much memory they need on this machine, and recommend what to ask for.

        Args:
            profile_name: What the result is kept under.
            models: As of `deploy`.
            inference_config: As of `deploy`.
            input_dataset: A TabularDataset of one text column: a request's body a row.
            cpu: Measure with so many cores, 0.1 to 3.5.
            memory_in_gb: Measure with so much memory, 0.1 to 15 GB.

        Returns:
            The profile; `wait_for_completion` waits for it.

        Raises:
            WebserviceException: for what cannot be.
        """
        from amlet.sdk.model_profile import profile

        return profile(workspace, profile_name, models, inference_config, input_dataset, cpu, memory_in_gb, description)

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

        held, replace = self.workspace._connection, exist_ok or bool(exists_ok)
        with as_v1(WebserviceException):
            entries = held.client.models.files(held.workspace_id, self.name, self.version).entries
            targets = [(entry.path, inside(Path(target_dir), entry.path)) for entry in entries]
            taken = [str(target) for _, target in targets if target.exists()]
            if taken and not replace:
                raise WebserviceException(f"There already: {', '.join(taken)}.", hint="pass exist_ok=True.")
            for path, target in targets:
                download(functools.partial(self._part, path), target)
        return os.path.commonpath([str(target) for _, target in targets])

    def delete(self) -> None:
        """Delete this version.

        Raises:
            WebserviceException: if a service uses it.
        """
        from amlet.wire.models import DeleteQuery

        held = self.workspace._connection
        with as_v1(WebserviceException):
            held.client.models.delete(held.workspace_id, self.name, self.version, DeleteQuery(user_name()))

    def update(
        self,
        tags: Optional[Dict[str, Optional[str]]] = None,
        description: Optional[str] = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> None:
        """Change what is said of this version.

        Args:
            tags: In place of all tags that there are.
        """
        self._edit(
            tags=None if tags is None else dict(tags),
            description=description,
            sample_input=sample_id("sample_input_dataset", sample_input_dataset),
            sample_output=sample_id("sample_output_dataset", sample_output_dataset),
            resources=resource_configuration._to_resources() if resource_configuration else None,
        )

    def update_tags_properties(
        self,
        add_tags: Optional[Dict[str, Optional[str]]] = None,
        remove_tags: Optional[Sequence[str]] = None,
        add_properties: Optional[Dict[str, str]] = None,
    ) -> None:
        """Add and take away tags, and add properties, in one step.

        Raises:
            WebserviceException: for a property that is there already: properties are immutable.
        """
        taken = sorted(set(add_properties or {}) & set(self.properties))
        if taken:
            raise WebserviceException(
                f"Properties of model {self.id} are immutable, and these are there already: {', '.join(taken)}.",
                hint="use tags for what changes.",
            )
        for key, value in (add_tags or {}).items():
            if key in self.tags:
                print(f"Replacing tag {key} -> {self.tags[key]} with {key} -> {value}")
        for key in remove_tags or ():
            if key not in self.tags:
                print(f"Tag with key {key} not found.")
        self._edit(
            add_tags=dict(add_tags or {}),
            remove_tags=list(remove_tags or ()),
            add_properties=dict(add_properties or {}),
        )

    def add_tags(self, tags: Dict[str, Optional[str]]) -> None:
        """Add tags, or give them other values."""
        self.update_tags_properties(add_tags=tags)
        print("Model tag add operation complete.")

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Take tags away, by their keys."""
        self.update_tags_properties(remove_tags=[tags] if isinstance(tags, str) else tags)
        print("Model tag remove operation complete.")

    def add_properties(self, properties: Dict[str, str]) -> None:
        """Add properties: new keys only, for ever.

        Raises:
            WebserviceException: for a key that is there already.
        """
        self.update_tags_properties(add_properties=properties)
        print("Model property add operation complete.")

    def add_dataset_references(self, datasets: Sequence[Tuple[str, Any]]) -> None:
        """Say which datasets it was made with: pairs of a purpose and a dataset."""
        self._edit(add_datasets=dataset_uses(datasets))

    def set_alias(self, alias: str, why: Optional[str] = None) -> None:
        """Let an alias stand for this version: `Model(ws, id="iris@champion")` finds it. Not in v1."""
        from amlet.wire.models import SetAlias

        held = self.workspace._connection
        with as_v1(WebserviceException):
            held.client.models.set_alias(held.workspace_id, self.name, SetAlias(alias, self.version, user_name(), why))

    def set_stage(self, stage: Optional[str], why: Optional[str] = None) -> None:
        """Set how far this version has come: Staging, Production, Archived, or None. Not in v1."""
        self._edit(stage=stage or "", why=why)
        self.stage = stage

    @staticmethod
    def print_configuration(
        models: Sequence[Model], inference_config: Any, deployment_config: Any, deployment_target: Any
    ) -> None:
        """Print what a deployment of these would be."""
        for model in models or ():
            print(f"Model: {model.id if isinstance(model, Model) else model}")
        if inference_config is not None:
            print(f"Entry script: {inference_config.entry_script}")
        if deployment_config is not None:
            deployment_config.print_deploy_configuration()
        if deployment_target is not None:
            print(f"Deployment target: {deployment_target.name}")

    get_sas_urls = RefusedMember("amlet has no signed addresses of files: model.download() saves them.")

    def serialize(self) -> Dict[str, Any]:
        """The model under v1's keys."""
        return serialize(self)

    @staticmethod
    def deserialize(workspace: Workspace, model_payload: Dict[str, Any]) -> Model:
        """The model that `serialize` gave, as it is registered now."""
        return Model(workspace, id=model_payload["id"])

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
        self.created_by = record.created_by
        self.parent_id = record.parent_id
        self.derived_model_ids: List[str] = []
        self.snapshot_id = record.snapshot_id
        self.lock_id = record.lock_id
        self.stage = record.stage
        self.datasets = {use.purpose: [use.id] for use in record.datasets}
        self.sample_input_dataset = record.sample_input
        self.sample_output_dataset = record.sample_output
        self.mime_type = "application/x-python"
        self.unpack = False
        self.url = f"aml://asset/{record.tree_id}"
        self.created_time = record.created
        self.run_id = record.run_id
        self.experiment_name = record.experiment
        self.model_framework = record.framework
        self.model_framework_version = record.framework_version
        self.resource_configuration = ResourceConfiguration(*record.resources) if record.resources else None

    def _part(self, path: str, offset: int) -> Body:
        """The bytes of a file from there on."""
        from amlet.wire.files import FileQuery

        held = self.workspace._connection
        return held.client.models.file(held.workspace_id, self.name, self.version, FileQuery(path, offset))

    def _edit(self, **changes: Any) -> None:
        from amlet.wire.models import EditModel

        held = self.workspace._connection
        asked = EditModel(by=user_name())._replace(**changes)
        with as_v1(WebserviceException):
            record = held.client.models.edit(held.workspace_id, self.name, self.version, asked)
        self._set(record)
