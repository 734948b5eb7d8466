"""Remote machines: targets on a machine that is reached over SSH (v1-behaviours 11.8)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Union

from amlet.domain.compute import REMOTE
from amlet.sdk.compute import ComputeTarget
from amlet.sdk.compute_configuration import ComputeTargetAttachConfiguration, refuse
from amlet.sdk.exceptions import ComputeTargetException
from amlet.sdk.notice import given
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.domain.compute import Credentials
    from amlet.sdk.workspace import Workspace
    from amlet.wire.computes import ComputeState, CreateCompute

SSH_PORT = 22
KEY_LIMIT = 64 * 1024


class RemoteComputeAttachConfiguration(ComputeTargetAttachConfiguration):
    """Which machine a RemoteCompute is, and what it is signed in with.

    Args:
        username: Who signs in there. Runs are this user's processes.
        address: The machine's name or address.
        ssh_port: Where its SSH server listens.
        password: What it is signed in with, or
        private_key_file: the file with the private key, on this machine. It is read when the target is attached.
        private_key_passphrase: What opens the key.

    A virtual machine cannot be looked up in Azure: of v1's three ways to name one, `address` alone works here.

    Raises:
        ComputeTargetException: with every fault.
    """

    def __init__(
        self,
        username: str,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        vm_name: Optional[str] = None,
        resource_id: Optional[str] = None,
        address: Optional[str] = None,
        ssh_port: Union[int, str] = SSH_PORT,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ) -> None:
        super().__init__(REMOTE)
        self.username = username
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.vm_name = vm_name
        self.resource_id = resource_id
        self.address = address
        self.ssh_port = ssh_port
        self.password = password
        self.private_key_file = private_key_file
        self.private_key_passphrase = private_key_passphrase
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Check it all (v1-behaviours 11.8).

        Raises:
            ComputeTargetException: with every fault.
        """
        faults: List[str] = []
        if not self.username:
            faults.append("username is not provided")
        in_azure = given(subscription_id=self.subscription_id, resource_group=self.resource_group, vm_name=self.vm_name)
        if self.resource_id:
            in_azure.append("resource_id")
        if self.address and in_azure:
            faults.append(f"since address is provided, {', '.join(in_azure)} must not be")
        elif in_azure:
            faults.append(f"amlet does not look a machine up in Azure by {', '.join(in_azure)}")
        elif not self.address:
            faults.append("address is not provided")
        if not str(self.ssh_port).isdecimal() or not 1 <= int(self.ssh_port) <= 65535:
            faults.append(f"ssh_port must be from 1 to 65535, not {self.ssh_port!r}")
        if self.password and self.private_key_file:
            faults.append("both password and private_key_file are provided")
        if self.private_key_passphrase and not self.private_key_file:
            faults.append("private_key_passphrase is provided without private_key_file")
        if faults:
            refuse(faults, hint='use address="host", with password or private_key_file.')

    def _request(self) -> CreateCompute:
        from amlet.domain.compute import RemoteMachine
        from amlet.wire.computes import CreateCompute

        credentials = self._credentials()
        kind = "key" if credentials.private_key is not None else "password"
        remote = RemoteMachine(self.address or "", int(self.ssh_port), self.username, kind)
        return CreateCompute(REMOTE, vm_size="", remote=remote, credentials=credentials, location=remote.address)

    def _credentials(self) -> Credentials:
        from amlet.domain.compute import Credentials

        if self.password:
            return Credentials(password=self.password)
        if not self.private_key_file:
            raise ComputeTargetException(
                "Neither a password nor a key is provided.", hint='use private_key_file="~/.ssh/id_ed25519".'
            )
        try:
            with Path(self.private_key_file).expanduser().open(encoding="ascii") as file:
                key = file.read(KEY_LIMIT + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise ComputeTargetException(f"Error while reading key information: {error}") from error
        if len(key) > KEY_LIMIT or "PRIVATE KEY" not in key:
            raise ComputeTargetException(
                f"{self.private_key_file} holds no private key.",
                hint="give the file without .pub: its first line says PRIVATE KEY.",
            )
        return Credentials(private_key=key, passphrase=self.private_key_passphrase or None)


class RemoteCompute(ComputeTarget):
    """A machine that is reached over SSH: one node, which comes with the work and goes when idle."""

    type = REMOTE

    attach_configuration = RemoteComputeAttachConfiguration
    """Which machine it is: its parameters are those of the configuration."""

    get_credentials = RefusedMember(
        "the server keeps them sealed, and gives them to nobody: attach it again to change."
    )

    @staticmethod
    def attach(
        workspace: Workspace,
        name: str,
        username: Union[str, ComputeTargetAttachConfiguration],
        address: Optional[str] = None,
        ssh_port: Union[int, str] = SSH_PORT,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
    ) -> ComputeTarget:
        """Make a target of a machine. v1 had deprecated this for `ComputeTarget.attach(ws, name, configuration)`.

        Args:
            username: Who signs in there; a configuration is taken too.
        """
        if isinstance(username, ComputeTargetAttachConfiguration):
            return ComputeTarget.attach(workspace, name, username)
        configuration = RemoteComputeAttachConfiguration(
            username,
            address=address,
            ssh_port=ssh_port,
            password=password,
            private_key_file=private_key_file,
            private_key_passphrase=private_key_passphrase,
        )
        return ComputeTarget.attach(workspace, name, configuration)

    def delete(self) -> None:
        """Not for this kind: the machine is yours.

        Raises:
            ComputeTargetException: always.
        """
        raise ComputeTargetException("Delete is not supported for RemoteCompute object. Try to use detach instead.")

    def detach(self) -> None:
        """Forget the machine and what it is signed in with. While runs need it that is refused."""
        self._remove()

    @property
    def vm_size(self) -> Optional[str]:
        """Unknown: it is whatever the machine has."""
        return None

    def _set(self, workspace: Workspace, state: ComputeState) -> None:
        super()._set(workspace, state)
        remote = state.target.remote
        self.address = remote.address if remote else None
        self.ssh_port = remote.port if remote else None
        self.username = remote.username if remote else None

    def _properties(self) -> Dict[str, Any]:
        return {"virtualMachineSize": None, "address": self.address, "sshPort": self.ssh_port}
