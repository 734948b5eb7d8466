"""v1's module: names of amlet.sdk."""

from amlet.domain.data import DIRECT as DIRECT_MODE
from amlet.domain.data import DOWNLOAD as DOWNLOAD_MODE
from amlet.domain.data import MOUNT as MOUNT_MODE
from amlet.domain.data import UPLOAD as UPLOAD_MODE

__all__ = ["DIRECT_MODE", "DOWNLOAD_MODE", "MOUNT_MODE", "UPLOAD_MODE"]
