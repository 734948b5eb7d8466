"""v1's ways to sign in to Azure: accepted, since the token of amlet's server takes their place (v1-behaviours 17.1).

The server's token is AMLET_TOKEN, inside a job that of its run, or that of this user's own server. Nothing is sent to
Azure, and nobody is asked to sign in.
"""

from __future__ import annotations

import os
import time
from enum import Enum
from typing import Any, Callable, Dict, NamedTuple, Optional

from amlet.sdk.exceptions import AuthenticationException
from amlet.sdk.refused import RefusedMember


class AccessToken(NamedTuple):
    """A token and when it ends, in seconds since the epoch."""

    token: str
    expires_on: int


class Audience(Enum):
    """Whom v1's tokens were for."""

    ARM = "ARM"
    AZUREML = "AZUREML"


TOKEN_S = 3600
"""How long what `get_token` gives is said to be good: callers ask again."""


class AbstractAuthentication:
    """A way to sign in. All give the token of amlet's server."""

    signed_session = RefusedMember("send get_authentication_header() with your own session.")

    def __init__(self, cloud: Optional[str] = None) -> None:
        self._cloud = cloud

    def get_authentication_header(self) -> Dict[str, str]:
        """The header that amlet's server takes."""
        return {"Authorization": f"Bearer {self._token()}"}

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """The token of amlet's server, in the form of Azure's credentials."""
        return AccessToken(self._token(), int(time.time()) + TOKEN_S)

    def _token(self) -> str:
        from amlet.sdk.connection import connect
        from amlet.sdk.exceptions import as_v1

        known = os.environ.get("AZUREML_RUN_TOKEN") or os.environ.get("AMLET_TOKEN")
        if known:
            return known
        with as_v1(AuthenticationException):
            return connect().token


class InteractiveLoginAuthentication(AbstractAuthentication):
    """v1's sign-in through a browser. Here nobody is asked."""

    def __init__(self, force: bool = False, tenant_id: Optional[str] = None, cloud: Optional[str] = None) -> None:
        super().__init__(cloud)
        self._tenant_id = tenant_id


class AzureCliAuthentication(AbstractAuthentication):
    """v1's sign-in by `az login`. Here `az` is not called."""


class ArmTokenAuthentication(AbstractAuthentication):
    """v1's sign-in by a token of Azure's. It is kept, and not sent."""

    def __init__(self, arm_access_token: str, cloud: str = "None") -> None:
        super().__init__(cloud)
        self.update_arm_access_token(arm_access_token)

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Keep another token."""
        if not isinstance(new_arm_access_token, str):
            raise AuthenticationException("The token must be a text.")
        self._arm_access_token = new_arm_access_token


class ServicePrincipalAuthentication(AbstractAuthentication):
    """v1's sign-in as a service principal. Its password is not sent anywhere."""

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        super().__init__(cloud)
        self._tenant_id = tenant_id
        self._service_principal_id = service_principal_id


class MsiAuthentication(AbstractAuthentication):
    """v1's sign-in by a machine's identity."""

    def __init__(self, cloud: Optional[str] = None, **kwargs: Any) -> None:
        super().__init__(cloud)


class TokenAuthentication(AbstractAuthentication):
    """v1's sign-in by a function that gives tokens.

    Args:
        get_token_for_audience: Called by `get_token`; the server gets its own token, not this one.
    """

    def __init__(self, get_token_for_audience: Callable[[Any], Any], cloud: Optional[str] = None) -> None:
        if not callable(get_token_for_audience):
            raise AuthenticationException("get_token_for_audience must be a function of one argument.")
        super().__init__(cloud)
        self._get_token_for_audience = get_token_for_audience

    def get_token(self, audience: Any = Audience.ARM, *scopes: str, **kwargs: Any) -> Any:
        """What the function gives for the audience."""
        return self._get_token_for_audience(audience)


class AzureMLTokenAuthentication(AbstractAuthentication):
    """v1's sign-in inside a job: here that of the run, which the job has anyway."""

    EXPIRATION_THRESHOLD_IN_SECONDS = 95
    REFRESH_INTERVAL_IN_SECONDS = 30

    def __init__(
        self,
        azureml_access_token: str,
        expiry_time: Any = None,
        host: Optional[str] = None,
        subscription_id: Optional[str] = None,
        resource_group_name: Optional[str] = None,
        workspace_name: Optional[str] = None,
        experiment_name: Optional[str] = None,
        run_id: Optional[str] = None,
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
        cloud: str = "AzureCloud",
    ) -> None:
        super().__init__(cloud)
        self._given = azureml_access_token
        self._expiry_time = expiry_time

    @classmethod
    def create(
        cls,
        azureml_access_token: str,
        expiry_time: Any,
        host: str,
        subscription_id: str,
        resource_group_name: str,
        workspace_name: str,
        experiment_name: str,
        run_id: str,
        user_email: Optional[str] = None,
        experiment_id: Optional[str] = None,
    ) -> AzureMLTokenAuthentication:
        """One of these values."""
        return cls(azureml_access_token, expiry_time, host, run_id=run_id)

    @property
    def token(self) -> str:
        """The run's token inside a job, else the one given."""
        return os.environ.get("AZUREML_RUN_TOKEN") or self._given

    @property
    def expiry_time(self) -> Any:
        """When the token ends, as given."""
        return self._expiry_time

    def set_token(self, token: str, expiry_time: Any) -> None:
        """Keep another token."""
        self._given, self._expiry_time = token, expiry_time

    def get_authentication_header(self) -> Dict[str, str]:
        """The header that amlet's server takes."""
        return {"Authorization": f"Bearer {self.token}"}

    def _token(self) -> str:
        return self.token
