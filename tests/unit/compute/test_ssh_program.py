"""How ssh is called, and what its complaints mean."""

from __future__ import annotations

from itertools import pairwise

import pytest

from amlet.compute.ssh_program import NO_PYTHON, Access, Forward, arguments, complaint
from amlet.domain.compute import Credentials, RemoteMachine

KEY = Credentials(private_key="-----BEGIN OPENSSH PRIVATE KEY-----")
PASSWORD = Credentials(password="pass word")
FORWARD = Forward("/tmp/amlet-1.sock", "127.0.0.1", 8700)


def _access(credentials: Credentials = KEY, address: str = "host.example") -> Access:
    kind = "password" if credentials.password else "key"
    return Access(RemoteMachine(address, 2222, "me", kind), credentials)


def _options(found: list[str]) -> list[str]:
    return [text for name, text in pairwise(found) if name == "-o"]


def test_a_key_is_named_by_its_file_and_nobody_is_asked():
    found = arguments(_access(), "sign-in-1", FORWARD)

    assert found[:6] == ["ssh", "-T", "-p", "2222", "-l", "me"]
    assert {"BatchMode=yes", "IdentityFile=sign-in-1/key", "IdentitiesOnly=yes"} <= set(_options(found))
    assert found[found.index("-R") + 1] == "/tmp/amlet-1.sock:127.0.0.1:8700"
    assert found[found.index("--") + 1] == "host.example"


@pytest.mark.parametrize("credentials", [PASSWORD, KEY._replace(passphrase="pass word")])
def test_a_password_or_phrase_is_asked_for_once_and_stands_in_no_argument(credentials):
    found = arguments(_access(credentials), "sign-in-1", None)

    assert "BatchMode=yes" not in found
    assert "NumberOfPasswordPrompts=1" in found
    assert not any("pass word" in text for text in found)


def test_an_address_of_version_6_stands_in_brackets_where_a_port_follows():
    found = arguments(_access(), "sign-in-1", Forward("/tmp/amlet-1.sock", "::1", 8700))

    assert "/tmp/amlet-1.sock:[::1]:8700" in found


def test_the_first_command_is_one_line_that_every_login_shell_hands_on_unchanged():
    command = arguments(_access(), "sign-in-1", FORWARD)[-1]

    script = command.removeprefix("exec /bin/sh -c '").removesuffix("'")
    assert len(command) == len(script) + len("exec /bin/sh -c ''")
    assert not set("'\\!\n") & set(script)


@pytest.mark.parametrize(
    ("said", "code", "message", "hint"),
    [
        (["me@host.example: Permission denied (publickey)."], 255, "refuses the key: Permission denied", "attach it"),
        (["ssh: Could not resolve hostname host.example: Name or service not known"], 255, "Name or service", ""),
        (["Host key verification failed."], 255, "another host key", "ssh-keygen"),
        (["Error: remote port forwarding failed for listen path /tmp/a"], 255, "lets nothing be", "AllowStreamLocal"),
        (["Python 3.6.8"], NO_PYTHON, "no Python 3.10 or newer (Python 3.6.8 is there)", "apt-get"),
        (["Warning: Permanently added 'host.example'.", "Boom"], 1, "ended with code 1: Boom", ""),
        ([], -9, "ended with code -9", ""),
    ],
)
def test_a_complaint_is_told_in_one_sentence_with_the_way_out(said, code, message, hint, tmp_path):
    error = complaint(_access(), said, code, tmp_path)

    assert "me@host.example:2222" in error.message
    assert message in error.message
    assert hint in (error.hint or "")


def test_what_is_signed_in_with_is_never_shown():
    assert "pass word" not in repr(_access(PASSWORD))
