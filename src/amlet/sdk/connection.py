"""The way from a workspace object to its server: opened when it is first needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from amlet.sdk.exceptions import WorkspaceException, as_v1
from amlet.sdk.notice import say

if TYPE_CHECKING:
    from amlet.client.connection import Client
    from amlet.domain.workspace import Workspace
    from amlet.runtime.job import JobContext

LOOPBACK = ("http://127.", "http://localhost", "http://[::1]")


class Names(NamedTuple):
    """What a workspace is known by."""

    subscription_id: str
    resource_group: str
    name: str


class Connection:
    """One workspace at its server.

    Args:
        names: The workspace's.
        url: The server of config.json; AMLET_URL, and the server of the job that this process is, come before it.
        workspace_id: The workspace's id where it is known, as inside a job.
    """

    def __init__(self, names: Names, *, url: Optional[str] = None, workspace_id: Optional[str] = None) -> None:
        self.names = names
        self.url = url
        self._workspace_id = workspace_id
        self._client: Optional[Client] = None
        self._record: Optional[Workspace] = None

    def __deepcopy__(self, memo: Any) -> Connection:
        return self

    @classmethod
    def of_job(cls, context: JobContext) -> Connection:
        """The workspace of the job that this process is. Opens nothing."""
        return cls(
            Names(context.subscription_id, context.resource_group, context.workspace_name),
            workspace_id=context.workspace_id,
        )

    @property
    def client(self) -> Client:
        """The server's client. Starts the local server where there is none yet."""
        if self._client is None:
            self._client = connect(self.url)
        return self._client

    @property
    def workspace_id(self) -> str:
        """The workspace's id at its server."""
        if self._workspace_id is None:
            self._workspace_id = self.record.id
        return self._workspace_id

    def page(self, path: str) -> str:
        """The address of a path of the server's, for a browser. It holds no token: the browser signs in once."""
        return self.client.url.rstrip("/") + path

    @property
    def record(self) -> Workspace:
        """The workspace's record.

        Raises:
            WorkspaceException: if a server elsewhere has no such workspace. A local one is made on first use.
        """
        if self._record is None:
            with as_v1(WorkspaceException):
                if self._workspace_id is not None:
                    self._record = self.client.workspaces.get(self._workspace_id)
                else:
                    self._record = self.ensure(create=self.is_local)
        return self._record

    @property
    def is_local(self) -> bool:
        """Whether the server is this machine's own."""
        return self.client.url.startswith(LOOPBACK)

    def ensure(
        self,
        *,
        create: bool,
        exist_ok: bool = True,
        location: Optional[str] = None,
        tags: Optional[dict[str, str]] = None,
    ) -> Workspace:
        """Find the workspace, or make it. A local one that is made is told in one line."""
        from amlet.wire.workspaces import EnsureWorkspace

        answer = self.client.workspaces.ensure(
            EnsureWorkspace(
                self.names.subscription_id,
                self.names.resource_group,
                self.names.name,
                location=location or "local",
                tags=tags or {},
                create=create,
                exist_ok=exist_ok,
            )
        )
        if answer.created and self.is_local:
            say(f'made the workspace "{self.names.name}" ({self.names.resource_group}) on this machine')
        self._record = answer.workspace
        return answer.workspace


def connect(url: Optional[str] = None) -> Client:
    """The client of the server that this process should talk to: the environment's, else `url`, else the local one."""
    from amlet.client.local_server import connect as find_server

    chosen_elsewhere = os.environ.get("AMLET_URL") or os.environ.get("AZUREML_SERVICE_ENDPOINT")
    if url and not chosen_elsewhere:
        return find_server(url=url, token=os.environ.get("AMLET_TOKEN"))
    return find_server()
