"""Secrets of a workspace, under v1's name for where they are kept (v1-behaviours 17.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from amlet.sdk.exceptions import UserErrorException, as_v1

if TYPE_CHECKING:
    from amlet.sdk.workspace import Workspace


class Keyvault:
    """The secrets of a workspace: sealed by the server with a key that lies outside its database."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def set_secret(self, name: str, value: str, content_type: Any = None) -> None:
        """Keep a secret, in the place of one of that name."""
        self.set_secrets({name: value})

    def set_secrets(self, secrets_batch: Dict[str, str]) -> None:
        """Keep several, all or none.

        Raises:
            UserErrorException: with every bad name and value.
        """
        from amlet.wire.data import SetSecrets

        wrong = [name for name, value in secrets_batch.items() if not isinstance(value, str)]
        if wrong:
            raise UserErrorException(f"The value of a secret is a text; these are not: {', '.join(map(repr, wrong))}.")
        held = self.workspace._connection
        with as_v1():
            held.client.secrets.set(held.workspace_id, SetSecrets(dict(secrets_batch)))

    def get_secret(self, name: str) -> str:
        """The value of a secret.

        Raises:
            UserErrorException: there is none of that name.
        """
        value = self.get_secrets([name])[name]
        if value is None:
            known = [told["name"] for told in self.list_secrets()]
            listed = "it has: " + ", ".join(known) + "." if known else "keyvault.set_secret(name, value) keeps one."
            raise UserErrorException(f"There is no secret {name!r} in this workspace.", hint=listed)
        return value

    def get_secrets(self, secrets: Sequence[str]) -> Dict[str, Optional[str]]:
        """The values by name; None for a name that is not there."""
        from amlet.wire.data import SecretNames

        held = self.workspace._connection
        with as_v1():
            return dict(held.client.secrets.get(held.workspace_id, SecretNames(list(secrets))).values)

    def get_secret_content_type(self, name: str) -> Any:
        """None: all secrets are texts."""
        self.get_secret(name)

    def delete_secret(self, name: str) -> None:
        """Forget a secret."""
        self.delete_secrets([name])

    def delete_secrets(self, secrets: Sequence[str]) -> None:
        """Forget several; those that are not there are no error."""
        from amlet.wire.data import SecretNames

        held = self.workspace._connection
        with as_v1():
            held.client.secrets.delete(held.workspace_id, SecretNames(list(secrets)))

    def list_secrets(self) -> List[Dict[str, str]]:
        """The names: `[{"name": ...}, ...]`."""
        held = self.workspace._connection
        with as_v1():
            return [{"name": name} for name in held.client.secrets.list(held.workspace_id).names]
