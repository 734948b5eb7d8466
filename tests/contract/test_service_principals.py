"""A store that a service principal signs in to: Azure's own libraries, an authority of ours, and Azurite over TLS."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from amlet.base.errors import InvalidInput
from amlet.datastores.azure_blob import AzureBlobStore
from support.azurite import ACCOUNT, azurite
from support.sign_in import CLIENT, SECRET, TENANT, authority, certificate


@pytest.mark.every_fault
def test_a_lake_lets_a_service_principal_in_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    more = ["--oauth", "basic", "--cert", str(cert), "--key", str(key)]
    with authority(cert, key) as signs_in, azurite(tmp_path / "azurite", *more) as endpoint:
        settings = {
            "account_name": ACCOUNT,
            "container_name": "lake",
            "endpoint": endpoint,
            "tenant_id": TENANT,
            "client_id": CLIENT,
            "authority_url": signs_in.url,
        }
        store = AzureBlobStore(settings, {"client_secret": SECRET})
        store.check(create=True)
        store.write("a/b.txt", io.BytesIO(b"held"), 4)
        assert [file.path for file in store.list("a")] == ["a/b.txt"]
        assert store.open("a/b.txt").stream.read() == b"held"
        assert signs_in.asked == ["https://storage.azure.com/.default"]  # one token for all

        with pytest.raises(InvalidInput, match="does not let us in") as told:
            AzureBlobStore(settings, {"client_secret": "wrong-" + SECRET}).check(create=False)
        assert SECRET not in str(told.value)
        elsewhere = AzureBlobStore({**settings, "resource_url": "https://example.org/"}, {"client_secret": SECRET})
        with pytest.raises(InvalidInput, match="does not let us in"):
            elsewhere.check(create=False)
        assert signs_in.asked[-1] == "https://example.org/.default"


def test_a_principal_that_cannot_be_one_is_told() -> None:
    settings = {"account_name": ACCOUNT, "container_name": "lake", "tenant_id": "not a tenant", "client_id": CLIENT}
    with pytest.raises(InvalidInput, match=r"cannot be signed in: .*tenant") as told:
        AzureBlobStore(settings, {"client_secret": SECRET}).check(create=False)
    assert SECRET not in str(told.value)
