"""v1's exceptions, and how the server's errors become them."""

from __future__ import annotations

import pytest

from amlet.base import errors
from amlet.sdk import exceptions
from amlet.sdk.exceptions import (
    AuthenticationException,
    AzureMLException,
    ComputeTargetException,
    UserErrorException,
    as_v1,
)


def test_str_has_the_frame_of_v1() -> None:
    assert str(ComputeTargetException("no such target")) == (
        "ComputeTargetException:\n\tMessage: no such target\n\tInnerException None\n\tErrorResponse \n"
        '{\n    "error": {\n        "message": "no such target"\n    }\n}'
    )  # v1-behaviours 16.1


def test_a_hint_is_part_of_the_message_that_is_shown() -> None:
    assert "\tMessage: no such target\n  hint: make one" in str(
        ComputeTargetException("no such target", hint="make one")
    )


def test_a_user_error_carries_its_code() -> None:
    assert '"code": "UserError"' in str(UserErrorException("bad"))


def test_the_message_can_be_set() -> None:
    error = UserErrorException("first")
    error.message = "second"
    assert "second" in str(error) and "first" not in str(error)


def test_every_class_is_an_error_of_amlet_and_of_v1() -> None:
    for name, kind in vars(exceptions).items():
        if name.endswith("Exception"):
            assert issubclass(kind, AzureMLException) and issubclass(kind, errors.AmletError)


def test_a_user_error_is_no_value_error() -> None:
    assert not issubclass(UserErrorException, ValueError)  # v1-behaviours 16.5


@pytest.mark.parametrize("kind", [errors.InvalidInput, errors.NotFound, errors.Conflict])
def test_the_servers_refusals_become_what_the_caller_expects(kind: type[errors.AmletError]) -> None:
    with pytest.raises(ComputeTargetException) as caught, as_v1(ComputeTargetException):
        raise kind("told", hint="do this")
    assert (caught.value.message, caught.value.hint) == ("told", "do this")
    assert isinstance(caught.value.__cause__, kind)


def test_only_what_is_missing_gets_the_prefix() -> None:
    found = pytest.raises(ComputeTargetException, match="ComputeTargetNotFound: told")
    with found, as_v1(ComputeTargetException, prefix="ComputeTargetNotFound: "):
        raise errors.NotFound("told")
    with pytest.raises(ComputeTargetException) as caught, as_v1(ComputeTargetException, prefix="X: "):
        raise errors.Conflict("told")
    assert caught.value.message == "told"


def test_a_token_that_is_refused_is_an_authentication_exception() -> None:
    with pytest.raises(AuthenticationException), as_v1():
        raise errors.Forbidden("no")


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.VersionMismatch, errors.StorageFailed])
def test_what_v1_has_no_name_for_passes_through(kind: type[errors.AmletError]) -> None:
    with pytest.raises(kind) as caught, as_v1():
        raise kind("away")
    assert type(caught.value) is kind


def test_an_exception_of_v1_passes_through() -> None:
    with pytest.raises(ComputeTargetException), as_v1(UserErrorException):
        raise ComputeTargetException("told")
