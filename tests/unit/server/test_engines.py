"""How nodes on other machines come to the server."""

from __future__ import annotations

import pytest

from amlet.server.engines import by_link, identity


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8700", ("127.0.0.1", 8700)),
        ("http://[::1]:8700", ("::1", 8700)),
        ("http://0.0.0.0:8700", ("127.0.0.1", 8700)),
        ("https://amlet.example.org", None),
        ("http://10.1.2.3:8700", None),
    ],
)
def test_an_address_of_this_machine_alone_needs_a_link(url, place):
    assert by_link(url) == place


def test_servers_with_other_keys_have_other_names_that_tell_nothing_of_the_key():
    assert identity(b"one") == identity(b"one") != identity(b"two")
    assert identity(b"one").isalnum()
