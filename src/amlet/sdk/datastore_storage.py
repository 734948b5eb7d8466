"""Datastores that hold files: upload, download, references to paths on them (v1-behaviours 13.15)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union

from amlet.domain import data
from amlet.sdk.datastore_base import AbstractDatastore
from amlet.sdk.exceptions import UserErrorException, as_v1
from amlet.sdk.refused import RefusedMember

if TYPE_CHECKING:
    from amlet.sdk.data_reference import DataReference
    from amlet.sdk.workspace import Workspace

FOLDER, EMPTY_FILE, FILE = 0, 1, 2
"""v1's numbers of what a share holds."""

_SERVER_TALKS = "upload, upload_files and download reach the store, through the server."


class AbstractAzureStorageDatastore(AbstractDatastore):
    """A datastore of files."""

    account_key: Optional[str] = None
    sas_token: Optional[str] = None

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        datastore_type: str,
        container_name: Optional[str],
        account_name: Optional[str],
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
    ) -> None:
        super().__init__(workspace, name, datastore_type)
        self.container_name = container_name
        self.account_name = account_name
        self.protocol = protocol or "https"
        self.endpoint = endpoint or "core.windows.net"
        self.credential_type = "Sas" if sas_token else "AccountKey" if account_key else "None"

    def _take(self, settings: dict[str, str]) -> None:
        self.container_name = settings.get("container_name")
        self.account_name = settings.get("account_name")
        self.protocol = settings.get("protocol") or "https"
        self.endpoint = settings.get("endpoint") or "core.windows.net"
        self.credential_type = self._record.credential_type if self._record is not None else "None"

    @property
    def is_sas(self) -> bool:
        """Whether it is signed in to with a SAS token."""
        return self.credential_type == "Sas"

    def path(self, path: Optional[str] = None, data_reference_name: Optional[str] = None) -> DataReference:
        """A reference to a path on it."""
        from amlet.sdk.data_reference import DataReference

        return DataReference(self, data_reference_name, path)

    def as_mount(self) -> DataReference:
        """A reference to all of it, mounted."""
        return self.path().as_mount()

    def as_download(self, path_on_compute: Optional[str] = None) -> DataReference:
        """A reference to all of it, downloaded before the script starts."""
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute: Optional[str] = None) -> DataReference:
        """A reference to all of it, to which what the script leaves at a path is uploaded."""
        return self.path().as_upload(path_on_compute)

    def upload(
        self,
        src_dir: Union[str, Path],
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload a folder, side by side, each file whole under its name or not there.

        Args:
            target_path: The folder there; its root by default.
            overwrite: Take the place of files that are there; else they stay and are told.

        Returns:
            A reference to the target.

        Raises:
            UserErrorException: there is no such folder, or the store cannot be reached.
        """
        folder = Path(src_dir)
        if not folder.is_dir():
            raise UserErrorException(f"{folder} is not a folder.", hint="upload_files takes single files.")
        # Texts: of thousands of files most of the time would go into making paths of them.
        found = []
        for parent, _, names in sorted(os.walk(folder)):
            place = str(Path(parent))
            beginning = "" if place == "." else place.rstrip("/") + "/"
            found += [beginning + name for name in sorted(names)]
        return self.upload_files(found, str(folder), target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: Sequence[Union[str, Path]],
        relative_root: Optional[Union[str, Path]] = None,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload files.

        Args:
            relative_root: The folder from which their paths there are taken; by default each goes by its own name.

        Raises:
            UserErrorException: naming every file that is not there or not below the root.
        """
        from amlet.sdk.datastore_files import upload
        from amlet.sdk.transfer_lines import TransferLines

        pairs = _targets(files, relative_root, target_path)
        with TransferLines("Upload", len(pairs), shown=show_progress) as lines:
            by_path = {target: source for source, target in pairs}
            for source, _ in pairs:
                lines.begins(source)
            done = upload(
                self.workspace,
                self.name,
                pairs,
                overwrite=overwrite,
                told=lambda path: lines.through(by_path.get(path, path)),
                progress=lines.progress,
                skipped=lambda path: lines.skips(by_path.get(path, path)),
            )
            lines.ends(len(done.written))
        return self._uploaded(target_path)

    def download(
        self,
        target_path: Union[str, Path],
        prefix: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> int:
        """Download files, side by side, each whole under its name or not there.

        Args:
            prefix: Only files whose path begins so; their layout below the root is kept.
            overwrite: Take the place of files that are there.

        Returns:
            How many files were downloaded; 0 when there are none (v1-behaviours 13.15).
        """
        from amlet.sdk.datastore_files import files_of
        from amlet.sdk.notice import warn
        from amlet.sdk.transfer_lines import TransferLines

        start = data.clean_path(prefix or "")
        with as_v1():
            held = files_of(self.workspace)
            folder = start.rpartition("/")[0]
            found = [file for file in held.list(self.name, folder) if file.path.startswith(start)]
            wanted, targets = [], []
            for file in found:
                target = Path(target_path) / file.path
                if target.exists() and not overwrite:
                    warn(f"Path already exists. Skipping download for {target}")
                else:
                    wanted.append(file)
                    targets.append(target)
            with TransferLines("Download", len(wanted), shown=show_progress) as lines:
                for file in wanted:
                    lines.begins(file.path)
                held.download_all(self.name, wanted, targets, lambda path: lines.through(path))
                lines.ends(len(wanted))
        return len(wanted)

    def _uploaded(self, target_path: Optional[str]) -> DataReference:
        from amlet.base.ids import uuid4_text
        from amlet.sdk.data_reference import DataReference

        return DataReference(self, uuid4_text().replace("-", ""), target_path)


class AzureBlobDatastore(AbstractAzureStorageDatastore):
    """A container of Azure's blob storage; and `workspaceblobstore`, a folder of the server's."""

    blob_service = RefusedMember(_SERVER_TALKS, is_property=True)

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        container_name: Optional[str],
        account_name: Optional[str],
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: Optional[str] = None,
        request_session: Any = None,
        workspace_msi_has_access: bool = False,
        subscription_id: Optional[str] = None,
        resource_group: Optional[str] = None,
        service_data_access_auth_identity: Any = None,
    ) -> None:
        super().__init__(
            workspace, name, data.AZURE_BLOB, container_name, account_name, sas_token, account_key, protocol, endpoint
        )
        self.workspace_msi_has_access = workspace_msi_has_access
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.service_data_access_auth_identity = service_data_access_auth_identity

    def _take(self, settings: dict[str, str]) -> None:
        super()._take(settings)
        self.workspace_msi_has_access = False
        self.subscription_id = self.resource_group = self.service_data_access_auth_identity = None


class AzureFileDatastore(AbstractAzureStorageDatastore):
    """A file share of Azure's; and `workspacefilestore`, a folder of the server's."""

    file_service = RefusedMember(_SERVER_TALKS, is_property=True)

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        container_name: Optional[str],
        account_name: Optional[str],
        sas_token: Optional[str] = None,
        account_key: Optional[str] = None,
        protocol: Optional[str] = None,
        endpoint: str = "core.windows.net",
        request_session: Any = None,
    ) -> None:
        super().__init__(
            workspace, name, data.AZURE_FILE, container_name, account_name, sas_token, account_key, protocol, endpoint
        )


class FolderDatastore(AbstractAzureStorageDatastore):
    """A folder on the server's machine. Ours: v1 had none."""

    root: str = ""

    def _take(self, settings: dict[str, str]) -> None:
        super()._take({})
        self.root = settings.get("path", "")


class S3Datastore(AbstractAzureStorageDatastore):
    """A bucket of S3, or of what speaks its protocol. Ours: v1 had none."""

    prefix: Optional[str] = None
    region: Optional[str] = None

    def _take(self, settings: dict[str, str]) -> None:
        super()._take({"container_name": settings.get("bucket", ""), "endpoint": settings.get("endpoint_url", "")})
        self.prefix = settings.get("prefix")
        self.region = settings.get("region")


def _targets(
    files: Sequence[Union[str, Path]], relative_root: Optional[Union[str, Path]], target_path: Optional[str]
) -> List[Tuple[str, str]]:
    if isinstance(files, (str, Path)) or not files:
        raise UserErrorException("files must be a list of paths with at least one in it.")
    wrong = []
    pairs = []
    folders: Dict[str, str] = {}
    root = None if relative_root is None else os.path.realpath(str(relative_root))
    for file in map(str, files):
        if not os.path.isfile(file):  # noqa: PTH113
            wrong.append(f"{file}: is no file")
            continue
        name = os.path.basename(file)  # noqa: PTH119
        if root is not None:
            # The file itself may be a link: where it stands counts, not where it leads.
            folder = os.path.dirname(file) or "."  # noqa: PTH120
            if folder not in folders:
                folders[folder] = os.path.relpath(os.path.realpath(folder), root)
            name = f"{folders[folder]}/{name}"
            if name.startswith("../"):
                wrong.append(f"{file}: is not below {relative_root}")
                continue
        pairs.append((file, data.clean_path(f"{target_path or ''}/{name}")))
    if wrong:
        listed = "\n  ".join(wrong[:20])
        raise UserErrorException(f"{len(wrong)} of {len(files)} files cannot be uploaded:\n  {listed}")
    return pairs
