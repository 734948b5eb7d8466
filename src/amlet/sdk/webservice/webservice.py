"""What all services share: how they are found, waited for, asked, changed and deleted (v1-behaviours 15.22-15.25)."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from amlet.base.ids import uuid4_text
from amlet.domain import deployment as kinds
from amlet.domain import service as records
from amlet.sdk.exceptions import UserErrorException, WebserviceException, as_v1
from amlet.sdk.filters import has_all
from amlet.sdk.notice import given, warn, warn_ignored
from amlet.sdk.refused import RefusedMember
from amlet.sdk.webservice.asking import UNAUTHORIZED, Answer, ask
from amlet.sdk.webservice.finding import class_of, compute_type_of, find, find_all, is_missing

if TYPE_CHECKING:
    from amlet.sdk.deployment import Wanted
    from amlet.sdk.workspace import Workspace

WAIT_S = 20.0
TAKEN_IN_S = 3.0
"""So long after a change of keys every replica has taken it in."""

PRIMARY, SECONDARY = "Primary", "Secondary"


class Webservice:
    """One deployed model. `Webservice(ws, name)` is an object of the service's own class.

    Raises:
        WebserviceException: if the workspace has no such service, or it is of another class than this one.
    """

    _webservice_type: Optional[str] = None

    def __new__(cls, workspace: Workspace, name: str, **kwargs: Any) -> Webservice:
        if cls is not Webservice:
            return object.__new__(cls)
        record = find(workspace, name)
        made: Webservice = object.__new__(class_of(record))
        made._known = record
        return made

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self._name = name
        self._version = ""
        self._credential: Optional[str] = None
        if self._known is None:
            self._known = find(workspace, name)
        self._check_class(self._known)

    @staticmethod
    def list(
        workspace: Workspace,
        compute_type: Optional[str] = None,
        image_name: Optional[str] = None,
        image_id: Optional[str] = None,
        model_name: Optional[str] = None,
        model_id: Optional[str] = None,
        tags: Optional[Sequence[Any]] = None,
        properties: Optional[Sequence[Any]] = None,
        image_digest: Optional[str] = None,
    ) -> List[Webservice]:
        """The services of a workspace, those of this machine too.

        Args:
            compute_type: Only those of a kind: `ACI`, `AKS`, `AKSENDPOINT` or `LOCAL`.
            model_name: Only those of a model of this name.
            model_id: Only those of this model and version.
            tags: A list of keys, or of [key, value]; a service must have them all.
        """
        warn_ignored("Webservice.list", given(image_name=image_name, image_id=image_id, image_digest=image_digest))
        return [
            class_of(record)._of(workspace, record)
            for record in find_all(workspace, model_name, model_id)
            if (compute_type is None or compute_type.upper() == compute_type_of(record))
            and has_all(record.tags, tags)
            and has_all(record.properties, properties)
        ]

    @staticmethod
    def check_for_existing_webservice(
        workspace: Workspace, name: str, overwrite: bool = False, request_func: Any = None, check_func: Any = None
    ) -> None:
        """See that the name is free.

        Args:
            overwrite: Delete a service that has it. `Model.deploy(..., overwrite=True)` replaces one without an outage.

        Raises:
            WebserviceException: if a service has the name, unless `overwrite`.
        """
        try:
            found = Webservice(workspace, name)
        except WebserviceException as error:
            if not is_missing(error):
                raise
            return
        if not overwrite:
            raise WebserviceException(
                f"There already is a service with name {name}.", hint="pass overwrite=True, or choose another name."
            )
        found.delete()

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        model_paths: Sequence[str],
        image_config: Any,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Register models of files and folders, and serve them: v1's older form of `Model.deploy`.

        Args:
            model_paths: Files or folders of this machine, each registered under its own name.
            image_config: A ContainerImageConfig, or an InferenceConfig.
        """
        from amlet.sdk.deploy import deploy

        return deploy(
            workspace, name, model_paths, image_config, deployment_config, deployment_target, overwrite=overwrite
        )

    @staticmethod
    def deploy_from_model(
        workspace: Workspace,
        name: str,
        models: Sequence[Any],
        image_config: Any,
        deployment_config: Any = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Serve registered models: v1's older form of `Model.deploy`.

        Args:
            image_config: A ContainerImageConfig, or an InferenceConfig.
        """
        from amlet.sdk.deploy import deploy

        return deploy(workspace, name, models, image_config, deployment_config, deployment_target, overwrite=overwrite)

    @staticmethod
    def deploy_local_from_model(
        workspace: Workspace,
        name: str,
        models: Sequence[Any],
        image_config: Any,
        deployment_config: Any = None,
        wait: bool = False,
    ) -> Webservice:
        """Serve registered models as a LocalWebservice: v1's older form of `Model.deploy`.

        Args:
            wait: Wait until it answers.
        """
        from amlet.sdk.deploy import deploy
        from amlet.sdk.webservice.configuration import LocalWebserviceDeploymentConfiguration

        config = deployment_config or LocalWebserviceDeploymentConfiguration()
        service = deploy(workspace, name, models, image_config, config, None)
        if wait:
            service.wait_for_deployment()
        return service

    deploy_from_image = RefusedMember(
        "amlet keeps no images: Model.deploy(ws, name, models, InferenceConfig(...)) deploys what one would be made of."
    )

    @property
    def name(self) -> str:
        """The name; of a version of an endpoint, the version's."""
        return self._version or self._name

    @property
    def state(self) -> str:
        """`Transitioning`, `Unhealthy`, `Healthy` or `Failed`, when it was last asked for."""
        return self._record.state

    @property
    def compute_type(self) -> str:
        """What kind of service it is: `ACI`, `AKS`, `AKSENDPOINT` or `LOCAL`."""
        return compute_type_of(self._record)

    @property
    def scoring_uri(self) -> Optional[str]:
        """Where rows are sent to, once the service listens."""
        return f"{self._record.address}/score" if self._record.address else None

    @property
    def swagger_uri(self) -> Optional[str]:
        """Where the description of the service is, once it listens."""
        return f"{self._record.address}/swagger.json" if self._record.address else None

    @property
    def error(self) -> Optional[str]:
        """Why it failed, with the traceback of its process."""
        return self._record.error

    @property
    def description(self) -> Optional[str]:
        """The description."""
        return self._record.description

    @property
    def tags(self) -> Mapping[str, Optional[str]]:
        """The tags. A copy."""
        return dict(self._record.tags)

    @property
    def properties(self) -> Mapping[str, str]:
        """The properties. A copy."""
        return dict(self._record.properties)

    @property
    def created_time(self) -> Any:
        """When it was made."""
        return self._record.created

    @property
    def updated_time(self) -> Any:
        """When it last changed."""
        return self._record.updated

    @property
    def created_by(self) -> None:
        """v1's user. None: services are not noted by who made them."""
        return None

    @property
    def image(self) -> None:
        """v1's image. None: a service is a process in the models' environment."""
        return None

    @property
    def image_id(self) -> None:
        """v1's image. None: a service is a process in the models' environment."""
        return None

    @property
    def image_digest(self) -> None:
        """v1's image. None: a service is a process in the models' environment."""
        return None

    @property
    def auth_enabled(self) -> bool:
        """Whether requests need a key."""
        return self._record.deployment.auth == kinds.BY_KEY

    @property
    def token_auth_enabled(self) -> bool:
        """Whether requests need a token."""
        return self._record.deployment.auth == kinds.BY_TOKEN

    @property
    def models(self) -> List[Any]:
        """The models that it serves, as they are registered now."""
        from amlet.sdk.model import Model

        return [Model(self.workspace, id=model_id) for model_id in self._record.deployment.model_ids]

    def update_deployment_state(self) -> None:
        """Ask for the state now."""
        self._known = find(self.workspace, self._name, version=self._version)

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: Optional[float] = None) -> None:
        """Wait until the service answers.

        Args:
            show_output: Print the steps.

        Raises:
            WebserviceException: at once when the service fails, with the traceback of its process; or when the time
                is over.
        """
        from amlet.sdk.webservice.waiting import wait

        wait(self, show_output=show_output, timeout_s=timeout_sec)

    def run(self, input: Union[str, bytes]) -> Any:
        """Send rows and give the answer, parsed. Where the service needs a key or a token, this brings one along.

        Args:
            input: JSON: `{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}`.

        Raises:
            WebserviceException: for any answer but 200, with its code, headers and content.
        """
        if not isinstance(input, (str, bytes, bytearray)):
            raise UserErrorException(
                f"run() takes JSON as str or bytes, not {type(input).__name__}.",
                hint='json.dumps({"data": rows.tolist()}) makes it.',
            )
        if self.scoring_uri is None:
            self.update_deployment_state()
        return self._asked(input).parsed()

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """The last lines that the service's processes printed."""
        from amlet.wire.services import TailQuery

        held = self.workspace._connection
        with as_v1(WebserviceException), held.client.services.logs(
            held.workspace_id, self._name, TailQuery(num_lines, version=self._version)
        ) as body:
            return body.read().decode("utf-8", "replace")

    def get_keys(self) -> Tuple[str, str]:
        """The primary and the secondary key; either opens the service.

        Raises:
            WebserviceException: if it needs no key.
        """
        held = self.workspace._connection
        with as_v1(WebserviceException):
            keys = held.client.services.keys(held.workspace_id, self._name)
        return keys.primary, keys.secondary

    def regen_key(self, key: str, set_key: Optional[str] = None) -> None:
        """Put another key in the place of one. The other one opens the service meanwhile.

        Args:
            key: `Primary` or `Secondary`.
            set_key: The new key; chosen at random by default.

        Raises:
            WebserviceException: for another `key`, or a service without keys.
        """
        from amlet.wire.services import RegenerateKey

        if key not in (PRIMARY, SECONDARY):
            raise WebserviceException(f"key must be {PRIMARY!r} or {SECONDARY!r}, not {key!r}.")
        held = self.workspace._connection
        with as_v1(WebserviceException):
            held.client.services.regenerate_key(held.workspace_id, self._name, RegenerateKey(key.lower(), set_key))
        self._credential = None
        self._keys_changed_s = time.monotonic()

    def get_token(self) -> Any:
        """A token, where the kind of service takes one: AksWebservice does.

        Raises:
            NotImplementedError: for every other kind.
        """
        raise NotImplementedError(f"A service of the kind {self.compute_type} takes no tokens; AksWebservice does.")

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Change the service: see the classes of services.

        Raises:
            NotImplementedError: for a service of unknown kind.
        """
        raise NotImplementedError(f"A service of the kind {self.compute_type} cannot be changed.")

    def delete(self) -> None:
        """End and delete the service. One that is gone already is told, as in v1."""
        from amlet.wire.services import VersionQuery

        held = self.workspace._connection
        try:
            with as_v1(WebserviceException):
                held.client.services.delete(held.workspace_id, self._name, VersionQuery(self._version))
        except WebserviceException as error:
            if not is_missing(error):
                raise
            print(f"No service with name {self.name} found to delete.")

    def serialize(self) -> Dict[str, Any]:
        """The service under v1's keys."""
        record = self._record
        return {
            "name": self.name,
            "description": self.description,
            "tags": dict(self.tags),
            "properties": dict(self.properties),
            "state": self.state,
            "createdTime": record.created.isoformat(),
            "updatedTime": record.updated.isoformat(),
            "error": self.error,
            "computeType": self.compute_type,
            "workspaceName": self.workspace.name,
            "imageId": None,
            "imageDigest": None,
            "scoringUri": self.scoring_uri,
            "swaggerUri": self.swagger_uri,
            "authEnabled": self.auth_enabled,
            "models": list(record.deployment.model_ids),
        }

    @classmethod
    def deserialize(cls, workspace: Workspace, webservice_payload: Mapping[str, Any]) -> Webservice:
        """The service that `serialize` told, as it is now.

        Raises:
            WebserviceException: if there is no such service any more, or it is of another class.
        """
        return cls(workspace, webservice_payload["name"])

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, compute_type={self.compute_type}, "
            f"state={self.state}, scoring_uri={self.scoring_uri}, tags={self.tags})"
        )

    _keys_changed_s = -math.inf
    """When this object last changed who may ask, by the monotonic clock."""

    _known: Optional[records.Service] = None
    """What is known of it; None of one that need not exist."""

    @property
    def _record(self) -> records.Service:
        if self._known is None:
            raise WebserviceException(
                f"WebserviceNotFound: Webservice with name {self._name} not found.", hint="Model.deploy makes it."
            )
        return self._known

    @classmethod
    def _of(cls, workspace: Workspace, record: records.Service) -> Webservice:
        made = object.__new__(cls)
        made.workspace = workspace
        made._name = record.name
        made._version = record.version
        made._credential = None
        made._known = record
        return made

    def _check_class(self, record: records.Service) -> None:
        """
        Raises:
            WebserviceException: if the service is of another class.
        """
        if self._webservice_type is not None and compute_type_of(record) != self._webservice_type:
            raise WebserviceException(
                f"WebserviceNotFound: Webservice with name {record.name} is of the kind {compute_type_of(record)}, "
                f"not {self._webservice_type}.",
                hint="Webservice(ws, name) gives any.",
            )

    def _change(self, wanted: Optional[Wanted] = None, **changes: Any) -> None:
        """Ask for a change, and send what is missing for it."""
        from amlet.client.uploads import submit_with_blobs
        from amlet.wire.services import UpdateService

        asked = UpdateService(version=self._version, request_id=uuid4_text())._replace(**changes)
        if wanted is not None:
            asked = asked._replace(
                deployment=wanted.deployment,
                source=wanted.source.entries if wanted.source else None,
                known=self._record.changes,
            )
        held = self.workspace._connection
        with as_v1(WebserviceException):
            answer = submit_with_blobs(
                lambda: held.client.services.update(held.workspace_id, self._name, asked),
                held.client,
                held.workspace_id,
                wanted.source.sources if wanted is not None and wanted.source is not None else {},
            )
        for note in answer.notes:
            warn(note)
        self._known = answer.service
        self._credential = None
        self._keys_changed_s = time.monotonic()

    def _asked(self, content: Union[str, bytes]) -> Answer:
        """Ask, with a key or a token where one is needed; after a 401 once more with what is valid now."""
        if self._credential is not None or not (self.auth_enabled or self.token_auth_enabled):
            answer = ask(self._record, content, self._credential)
            if answer.status != UNAUTHORIZED:
                return answer
        # The key was turned over, or the token ended (v1-behaviours 15.24). A replica takes in who may ask within a
        # second; until then the other key opens it, unless both were turned over just now.
        patience_s = self._keys_changed_s + TAKEN_IN_S
        while True:
            for credential in self._credentials():
                answer = ask(self._record, content, credential)
                if answer.status != UNAUTHORIZED:
                    self._credential = credential
                    return answer
            if time.monotonic() > patience_s:
                return answer
            time.sleep(0.1)

    def _credentials(self) -> Sequence[Optional[str]]:
        if self.auth_enabled:
            return self.get_keys()
        if not self.token_auth_enabled:
            return [None]
        held = self.workspace._connection
        with as_v1(WebserviceException):
            return [held.client.services.token(held.workspace_id, self._name).token]

    def _failed(self, *, show_output: bool) -> WebserviceException:
        """What `wait_for_deployment` raises of a service that does not start."""
        from amlet.sdk.webservice.waiting import failure

        if show_output:
            print("Failed", flush=True)
        return failure(self.name, self._record)
