"""Blobs: bytes by their SHA-256."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from amlet.client.api.noun import Noun
from amlet.client.body import Body
from amlet.wire import routes
from amlet.wire.files import BegunQuery, BlobQuery, Hashes, SizeAnswer
from amlet.wire.server import Done

if TYPE_CHECKING:
    from amlet.client.pool import Data


_NOW = BegunQuery()
_WHOLE = BlobQuery()


class BlobsApi(Noun):
    def missing(self, workspace_id: str, body: Hashes) -> Hashes:
        """Which of these blobs the server lacks."""
        return self._call(Hashes, routes.BLOB_MISSING, workspace_id, body=body)

    def begun(
        self, workspace_id: str, sha256: str, query: BegunQuery = _NOW, *, patience_s: Optional[float] = None
    ) -> SizeAnswer:
        """How much of a blob the server has: all, or what came before an upload broke off."""
        return self._call(SizeAnswer, routes.BLOB_BEGUN, workspace_id, sha256, query=query, patience_s=patience_s)

    def put(
        self, workspace_id: str, sha256: str, data: Data, size_bytes: Optional[int], query: BlobQuery = _WHOLE
    ) -> Done:
        """Send one blob, or the rest of one that broke off."""
        return self._call(Done, routes.BLOB_PUT, workspace_id, sha256, data=data, size_bytes=size_bytes, query=query)

    def put_pack(self, workspace_id: str, data: Data, size_bytes: Optional[int]) -> Done:
        """Send many small blobs."""
        return self._call(Done, routes.BLOB_PUT_PACK, workspace_id, data=data, size_bytes=size_bytes)

    def get(self, workspace_id: str, sha256: str) -> Body:
        """The bytes of one blob."""
        return self._call(Body, routes.BLOB_GET, workspace_id, sha256)

    def get_pack(self, workspace_id: str, body: Hashes) -> Body:
        """Many small blobs."""
        return self._call(Body, routes.BLOB_GET_PACK, workspace_id, body=body)
