"""Compute targets: where runs go (v1-behaviours 11)."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Type, Union

from amlet.domain import compute as records
from amlet.sdk.compute_configuration import (
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
)
from amlet.sdk.exceptions import ComputeTargetException, UserErrorException, as_v1
from amlet.sdk.notice import say

if TYPE_CHECKING:
    from amlet.sdk.run import Run
    from amlet.sdk.workspace import Workspace
    from amlet.wire.computes import ComputeState, CreateCompute

TAKEN_NAMES = ("amlcompute", "local", "containerinstance")
"""Names that v1 keeps to itself (v1-behaviours 11.1)."""

POLL_S = 0.5

_CLASSES = {
    records.AML_COMPUTE: ("compute_cluster", "AmlCompute"),
    records.COMPUTE_INSTANCE: ("compute_instance", "ComputeInstance"),
    records.REMOTE: ("compute_remote", "RemoteCompute"),
    records.AKS: ("compute_aks", "AksCompute"),
}
"""Each kind's class. Loaded when it is met: a script that uses one kind pays for one."""


class ComputeTarget:
    """A place where runs go. `ComputeTarget(ws, name)` gives an object of the right class.

    Raises:
        ComputeTargetException: if the workspace has no such target.
    """

    type: str = ""
    """The kind, in v1's words: `AmlCompute`, `ComputeInstance`, `VirtualMachine`, `AKS`."""

    def __new__(cls, workspace: Workspace, name: str) -> ComputeTarget:
        held = workspace._connection
        with as_v1(
            ComputeTargetException, prefix=f"ComputeTargetNotFound: Compute Target with name {name} not found. "
        ):
            return cls._of(workspace, held.client.computes.get(held.workspace_id, name))

    def __init__(self, workspace: Workspace, name: str) -> None:
        """All is there already: `__new__` chose the class by what the server told."""

    @staticmethod
    def create(
        workspace: Workspace, name: str, provisioning_configuration: ComputeTargetProvisioningConfiguration
    ) -> ComputeTarget:
        """Make a target. Nodes come when runs need them.

        Raises:
            UserErrorException: for a name that v1 keeps to itself.
            ComputeTargetException: for a bad name or configuration.
        """
        if not isinstance(provisioning_configuration, ComputeTargetProvisioningConfiguration):
            raise ComputeTargetException(
                f"provisioning_configuration cannot be a {type(provisioning_configuration).__name__}.",
                hint="use AmlCompute.provisioning_configuration(vm_size=..., max_nodes=...).",
            )
        provisioning_configuration.validate_configuration()
        return ComputeTarget._make(workspace, name, provisioning_configuration._request)

    @staticmethod
    def attach(
        workspace: Workspace, name: str, attach_configuration: ComputeTargetAttachConfiguration
    ) -> ComputeTarget:
        """Make a target of a machine that is there already.

        Raises:
            UserErrorException: for a name that v1 keeps to itself.
            ComputeTargetException: for a bad name or configuration.
        """
        if not isinstance(attach_configuration, ComputeTargetAttachConfiguration):
            raise ComputeTargetException(
                f"attach_configuration cannot be a {type(attach_configuration).__name__}.",
                hint="use RemoteCompute.attach_configuration(username=..., address=..., private_key_file=...).",
            )
        attach_configuration.validate_configuration()
        return ComputeTarget._make(workspace, name, attach_configuration._request)

    @staticmethod
    def list(workspace: Workspace) -> List[ComputeTarget]:
        """All targets of the workspace but `local`, which is always there."""
        held = workspace._connection
        with as_v1(ComputeTargetException):
            states = held.client.computes.list(held.workspace_id).computes
        return [ComputeTarget._of(workspace, state) for state in states]

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Wait until what was asked of the target is done: it was made, attached or deleted at once.

        Raises:
            ComputeTargetException: if this object asked for nothing (v1-behaviours 11.4).
        """
        if not self._has_asked:
            raise ComputeTargetException(
                "Long running operation information not known, unable to poll. "
                f"Current state is {self.provisioning_state}"
            )
        if show_output:
            sys.stdout.write("Succeeded")  # v1 began no new line after it
        print('Provisioning operation finished, operation "Succeeded"', flush=True)
        if not is_delete_operation:
            self.refresh_state()

    def refresh_state(self) -> None:
        """Bring what this object tells up to date."""
        held = self.workspace._connection
        with as_v1(ComputeTargetException, prefix="ComputeTargetNotFound: "):
            self._set(self.workspace, held.client.computes.get(held.workspace_id, self.name))

    def get_status(self) -> Any:
        """How the target is now: its provisioning state."""
        self.refresh_state()
        return self.provisioning_state

    def get(self) -> ComputeTarget:
        """The target once more, as it is now."""
        return ComputeTarget(self.workspace, self.name)

    def get_active_runs(
        self,
        type: Optional[str] = None,
        tags: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        properties: Optional[Union[str, Dict[str, Optional[str]]]] = None,
        status: Optional[Union[str, Sequence[str]]] = None,
    ) -> Iterator[Run]:
        """The runs that this target has or will have, newest first: those that are not over.

        Args:
            type: Only runs of this type.
            tags: Only runs with this tag, or with these values of tags.
            properties: The same for properties.
            status: Only runs of this status: `Running` or `Queued`.
        """
        from amlet.domain.run import ACTIVE
        from amlet.sdk.run import Run

        return Run.list_by_compute(self, type=type, tags=tags, properties=properties, status=status or ACTIVE)

    def delete(self) -> None:
        """Delete the target. While runs need it that is refused."""
        self._remove()

    def detach(self) -> None:
        """Not for this kind: its nodes are amlet's own (v1-behaviours 11.6)."""
        raise ComputeTargetException(
            f"Detach is not supported for {type(self).__name__} object. Try to use delete instead."
        )

    def serialize(self) -> Dict[str, Any]:
        """The target under v1's keys."""
        return {
            "id": self.id,
            "name": self.name,
            "tags": self.tags,
            "location": self.location,
            "properties": {
                "computeType": self.type,
                "computeLocation": self.cluster_location,
                "description": self.description,
                "resourceId": self.cluster_resource_id,
                "isAttachedCompute": self.is_attached,
                "provisioningErrors": self.provisioning_errors,
                "provisioningState": self.provisioning_state,
                "properties": self._properties(),
            },
        }

    @classmethod
    def deserialize(cls, workspace: Workspace, object_dict: Dict[str, Any]) -> ComputeTarget:
        """The target that `serialize` told of, as it is now.

        Raises:
            ComputeTargetException: for a dictionary of another shape, or of another kind or workspace.
        """
        kind = (object_dict.get("properties") or {}).get("computeType")
        if "name" not in object_dict or kind not in _CLASSES or (cls.type and kind != cls.type):
            raise ComputeTargetException(
                f"Invalid cluster payload, not a {cls.type or 'compute target'}:\n{object_dict}"
            )
        made = ComputeTarget(workspace, object_dict["name"])
        if object_dict.get("id") not in (None, made.id):
            raise ComputeTargetException(
                f"Cannot deserialize: {object_dict['id']} is not of workspace {workspace.name}."
            )
        return made

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id}, type={self.type}, "
            f"provisioning_state={self.provisioning_state}, location={self.location}, tags={self.tags})"
        )

    _has_asked = False
    """Whether this object made, changed or deleted its target, so that there is something to wait for."""

    def _properties(self) -> Dict[str, Any]:
        """What `serialize` tells of this kind alone."""
        return {}

    def _notice(self) -> Optional[str]:
        """One line for who has made the target."""
        return None

    @staticmethod
    def _make(workspace: Workspace, name: str, request: Any) -> ComputeTarget:
        if str(name).lower() in TAKEN_NAMES:
            raise UserErrorException(f'A compute target cannot be called "{name}".', hint='"cpu-cluster" can be.')
        held = workspace._connection
        asked: CreateCompute = request()
        with as_v1(ComputeTargetException):
            state = held.client.computes.create(held.workspace_id, name, asked)
        made = ComputeTarget._of(workspace, state)
        made._has_asked = True
        notice = made._notice()
        if notice:
            say(notice)
        return made

    @staticmethod
    def _of(workspace: Workspace, state: ComputeState) -> ComputeTarget:
        """The object of a target's own kind, from what the server tells."""
        module, name = _CLASSES[state.target.kind]
        kind: Type[ComputeTarget] = getattr(importlib.import_module(f"amlet.sdk.{module}"), name)
        made = object.__new__(kind)
        made._set(workspace, state)
        return made

    def _remove(self) -> None:
        held = self.workspace._connection
        with as_v1(ComputeTargetException):
            held.client.computes.delete(held.workspace_id, self.name)
        self.provisioning_state = "Deleting"
        self._has_asked = True

    def _set(self, workspace: Workspace, state: ComputeState) -> None:
        target = state.target
        self.workspace = workspace
        self.name = target.name
        self.id = f"{workspace._scope()}/computes/{target.name}"
        self.provisioning_state = "Succeeded"
        self.provisioning_errors: Optional[Any] = None
        self.location = target.location
        self.cluster_location = target.location
        self.cluster_resource_id: Optional[str] = None
        self.is_attached = target.kind == records.REMOTE
        self.created_on = target.created
        self.modified_on = target.modified
        self.description = target.description
        self.tags = dict(target.tags)
        self._state = state

    def _detail(self, name: str) -> Any:
        """What the target was made with, of what has no effect here."""
        return self._state.target.details.get(name)
