"""Services for trying out on this machine, with v1's own states and checks (v1-behaviours 15.19)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, NoReturn, Optional, Sequence, Tuple, Union
from urllib.parse import urlsplit

from amlet.domain import service as records
from amlet.domain.deployment import LOCAL_SERVICE, Deployment
from amlet.sdk.deployment import Wanted, chosen_models, collected_again, with_inference, with_models
from amlet.sdk.exceptions import WebserviceException, as_v1
from amlet.sdk.notice import given, warn_ignored
from amlet.sdk.webservice.configuration import LocalWebserviceDeploymentConfiguration
from amlet.sdk.webservice.finding import PATIENCE_S, find, find_all, is_missing
from amlet.sdk.webservice.webservice import Webservice

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace

LAST_LINES = 20
LATE_S = 1.0


class LocalWebservice(Webservice):
    """A service on this machine, open, for trying out an entry script.

    Args:
        must_exist: Without it, a service that is not there is `unknown` until `update` makes it.

    Raises:
        WebserviceException: if there is no such service and it must exist, or it is of another class.
    """

    _webservice_type = "LOCAL"

    NETWORK_NAME = "azureml-local"
    STATE_DELETED = "deleted"
    STATE_DEPLOYING = "deploying"
    STATE_FAILED = "failed"
    STATE_RUNNING = "running"
    STATE_UNKNOWN = "unknown"

    deploy_configuration = LocalWebserviceDeploymentConfiguration
    """How a new service is to be: its parameters are those of the configuration."""

    def __new__(cls, *args: Any, **kwargs: Any) -> LocalWebservice:
        """An object without a look at the server."""
        made: LocalWebservice = object.__new__(cls)
        return made

    def __init__(self, workspace: Workspace, name: str, must_exist: bool = True) -> None:
        self.workspace = workspace
        self._name = name
        self._version = ""
        self._credential = None
        if self._known is None:
            self.update_deployment_state(must_exist)
        if self._known is not None:
            self._check_class(self._known)

    @staticmethod
    def list(  # type: ignore[override]
        workspace: Workspace,
        model_name: Optional[str] = None,
        model_id: Optional[str] = None,
        all: Optional[bool] = None,
    ) -> List[LocalWebservice]:
        """The local services of a workspace.

        Args:
            model_name: Only those of a model of this name.
            model_id: Only those of this model and version.
            all: Those that failed or are not ready, too.
        """
        found: List[LocalWebservice] = []
        for record in find_all(workspace, model_name, model_id):
            if record.deployment.kind == LOCAL_SERVICE and (all or record.state == records.HEALTHY):
                service = LocalWebservice._of(workspace, record)
                assert isinstance(service, LocalWebservice)
                found.append(service)
        return found

    @property
    def state(self) -> str:
        """`deploying`, `running`, `failed`, `deleted` or `unknown`, when it was last asked for."""
        if self._is_deleted:
            return self.STATE_DELETED
        if self._known is None:
            return self.STATE_UNKNOWN
        return {records.HEALTHY: self.STATE_RUNNING, records.TRANSITIONING: self.STATE_DEPLOYING}.get(
            self._known.state, self.STATE_FAILED
        )

    @property
    def port(self) -> Optional[int]:
        """Where it listens, once it does."""
        record = self._record
        return urlsplit(record.address).port if record.address else record.deployment.port

    @property
    def scoring_uri(self) -> Optional[str]:
        """Where rows are sent to, once the service listens."""
        return f"{self._base_url()}/score" if self._record.address else None

    @property
    def swagger_uri(self) -> Optional[str]:
        """Where the description of the service is, once it listens."""
        return f"{self._base_url()}/swagger.json" if self._record.address else None

    def update_deployment_state(self, must_exist: bool = False) -> None:
        """Ask for the state now.

        Raises:
            WebserviceException: if there is no such service and it must exist.
        """
        try:
            self._known = find(self.workspace, self._name)
        except WebserviceException as error:
            if must_exist or not is_missing(error):
                raise
            self._known = None

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: Optional[float] = None) -> None:
        """Wait until the service answers.

        Args:
            show_output: Print that it is looked at, and where it answers.

        Raises:
            WebserviceException: if it does not start, with the traceback; what it printed is printed too.
        """
        self._check_state("wait_for_deployment", self.STATE_DEPLOYING, self.STATE_RUNNING, self.STATE_FAILED)
        if show_output:
            print("Checking container health...", flush=True)
        super().wait_for_deployment(False, timeout_sec)
        if show_output:
            print(f"Local webservice is running at {self._base_url()}", flush=True)

    def run(self, input_data: Union[str, bytes]) -> Any:
        """Send rows and give the answer, parsed.

        Args:
            input_data: JSON: `{"data": [[5.1, 3.5, 1.4, 0.2]], "method": "predict"}`.

        Raises:
            WebserviceException: for any answer but 200, with what it says and the end of the service's log.
        """
        self._check_state("run", self.STATE_RUNNING)
        try:
            return super().run(input_data)
        except WebserviceException as error:
            if error.status_code is None:
                raise
            raise WebserviceException(
                f"Error: Scoring was unsuccessful.\n{error.message}\nThe end of the service's log:\n"
                f"{self._end_of_log()}",
                status_code=error.status_code,
            ) from error

    def get_logs(self, num_lines: int = 5000, raw: bool = False) -> str:
        """The last lines that the service's process printed.

        Args:
            raw: v1's log with Docker's own marks. There are none here.
        """
        self._check_state("get_logs", self.STATE_DEPLOYING, self.STATE_RUNNING, self.STATE_FAILED)
        return super().get_logs(num_lines)

    def reload(self, wait: bool = False) -> None:
        """Read the entry script and its folder again, and start with them. Models and environment stay.

        Args:
            wait: Wait until it answers.

        Raises:
            WebserviceException: if the folder is not on this machine any more.
        """
        self._check_state("reload", self.STATE_DEPLOYING, self.STATE_RUNNING, self.STATE_FAILED)
        deployment = self._record.deployment
        source = collected_again(deployment)
        self._change(Wanted(deployment if source is None else deployment._replace(source_id=""), source), restart=True)
        if wait:
            self.wait_for_deployment()

    def update(
        self,
        models: Any = None,
        image_config: Any = None,
        deployment_config: Any = None,
        wait: bool = False,
        inference_config: Any = None,
    ) -> None:
        """Change what is given; the one before answers until the new one does.

        Args:
            models: In place of all models.
            inference_config: Another entry script, environment or both; `image_config` is its older name.
            deployment_config: Another port.
            wait: Wait until it answers.

        Raises:
            WebserviceException: for what cannot be.
        """
        if self._is_deleted:
            self._refuse("update")
        inference = inference_config if inference_config is not None else image_config
        if self._known is None:
            self._make(models, inference, deployment_config)
        else:
            self._update(models, inference, deployment_config)
        if wait:
            self.wait_for_deployment()

    def delete(self, delete_cache: bool = True, delete_image: bool = False, delete_volume: bool = True) -> None:
        """End and delete the service.

        Args:
            delete_image: No effect, as that of the others: there are no images, and staged files go with the service.
        """
        warn_ignored("LocalWebservice.delete", given(delete_image=delete_image or None))
        if self._is_deleted:
            self._refuse("delete")
        super().delete()
        self._is_deleted = True

    def deploy_to_cloud(
        self, name: Optional[str] = None, deployment_config: Any = None, deployment_target: Any = None
    ) -> Webservice:
        """Deploy the same models and entry script as a service of another kind.

        Args:
            name: What it is called; by default as this one, which it then takes the place of.
            deployment_config: What it is to be; an AciWebservice by default.

        Raises:
            WebserviceException: if the entry script is not on this machine any more.
        """
        from amlet.sdk.deploy import configuration_of, send, serving_target
        from amlet.sdk.webservice.finding import class_of

        config = configuration_of(deployment_config, deployment_target)
        held = self._record.deployment
        source = collected_again(held)
        deployment = config._deployment()._replace(
            model_ids=held.model_ids,
            entry_script=held.entry_script,
            environment=held.environment,
            target=serving_target(deployment_target),
            details={**held.details, **config._deployment().details},
        )
        chosen = name or self._name
        asked = config._request(chosen)._replace(overwrite=chosen == self._name)
        record = send(self.workspace, asked, Wanted(deployment, source), config)
        made: Webservice = class_of(record)._of(self.workspace, record)
        return made

    def get_keys(self) -> Tuple[str, str]:
        """
        Raises:
            NotImplementedError: always: a local service is open.
        """
        raise NotImplementedError("A local service needs no keys.")

    def regen_key(self, key: str, set_key: Optional[str] = None) -> None:
        """
        Raises:
            NotImplementedError: always: a local service is open.
        """
        raise NotImplementedError("A local service needs no keys.")

    def get_token(self) -> Any:
        """
        Raises:
            NotImplementedError: always: a local service is open.
        """
        raise NotImplementedError("A local service needs no tokens.")

    def serialize(self) -> Any:
        """The service under v1's keys."""
        return {**super().serialize(), "port": self.port}

    @classmethod
    def deserialize(cls, workspace: Workspace, webservice_payload: Mapping[str, Any]) -> LocalWebservice:
        """The service that `serialize` told, as it is now."""
        return cls(workspace, webservice_payload["name"], must_exist=False)

    _is_deleted = False

    def _end_of_log(self) -> str:
        """The last lines, with those that are on their way: the log may come later than the answer."""
        from amlet.wire.services import TailQuery

        held = self.workspace._connection
        with as_v1(WebserviceException):
            with held.client.services.logs(held.workspace_id, self._name, TailQuery(LAST_LINES)) as body:
                told, size = body.read(), body.total_bytes
            query = TailQuery(LAST_LINES, size, LATE_S)
            with held.client.services.logs(held.workspace_id, self._name, query, patience_s=PATIENCE_S) as body:
                told += body.read()
        return "\n".join(told.decode("utf-8", "replace").splitlines()[-LAST_LINES:])

    def _base_url(self) -> str:
        return f"http://localhost:{self.port}"

    def _check_state(self, method: str, *allowed: str) -> None:
        if not self._is_deleted and self.state not in allowed:
            self.update_deployment_state()
        if self.state not in allowed:
            self._refuse(method)

    def _refuse(self, method: str) -> NoReturn:
        hint = {self.STATE_UNKNOWN: "Model.deploy makes it.", self.STATE_DEPLOYING: "wait_for_deployment() first."}
        raise WebserviceException(
            f"Cannot call {method}() when service is {self.state}.",
            hint=hint.get(self.state, self._known.error if self._known is not None else None),
        )

    def _make(self, models: Any, inference: Any, config: Any) -> None:
        from amlet.sdk.deploy import deploy

        made = deploy(self.workspace, self._name, models, inference, config or type(self).deploy_configuration(), None)
        self._known = made._record

    def _update(self, models: Optional[Sequence[Any]], inference: Any, config: Any) -> None:
        deployment: Deployment = self._record.deployment
        if models is not None:
            deployment = with_models(deployment, chosen_models(self.workspace, models))
        if config is not None:
            config.validate_configuration()
            deployment = deployment._replace(port=config.port)
        self._change(with_inference(deployment, inference))

    def _failed(self, *, show_output: bool) -> WebserviceException:
        print(super().get_logs(), flush=True)
        return WebserviceException(
            "Error: Container has crashed. Did your init method fail?\n"
            f"{self._record.error or 'Nothing more is known.'}",
            hint="service.get_logs() holds all that it printed.",
        )
