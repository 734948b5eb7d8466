"""What all datastores share: a name in a workspace, and a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from amlet.sdk.exceptions import as_v1

if TYPE_CHECKING:
    from amlet.domain.data import Datastore as Record
    from amlet.sdk.workspace import Workspace

CREDENTIALS_STAY = "secrets stay at the server, which alone opens them; register the datastore again to change them."


class AbstractDatastore:
    """A named place of data in a workspace. Its secrets stay at the server: attributes for them are None."""

    _record: Optional[Record] = None

    def __init__(self, workspace: Workspace, name: str, datastore_type: str) -> None:
        self.workspace = workspace
        self.name = name
        self.datastore_type = datastore_type

    @classmethod
    def _of_record(cls, workspace: Workspace, record: Record) -> AbstractDatastore:
        """The object of a record."""
        made = cls.__new__(cls)
        AbstractDatastore.__init__(made, workspace, record.name, record.kind)
        made._record = record
        made._take(record.settings)
        return made

    def _take(self, settings: dict[str, str]) -> None:
        """Take what is particular to this kind from the record."""

    def set_as_default(self) -> None:
        """Make it the workspace's default datastore."""
        held = self.workspace._connection
        with as_v1():
            held.client.datastores.set_default(held.workspace_id, self.name)

    def unregister(self) -> None:
        """Forget it and its secrets. The data stays where it is.

        Raises:
            UserErrorException: for those that every workspace has.
        """
        held = self.workspace._connection
        with as_v1():
            held.client.datastores.delete(held.workspace_id, self.name)

    def __deepcopy__(self, memo: Any) -> AbstractDatastore:
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r} type={self.datastore_type!r}>"
