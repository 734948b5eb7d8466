"""Names that are refused: imported without harm, told with what to use instead when used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from amlet.sdk.exceptions import UserErrorException
from amlet.sdk.refused import RefusedMember, refused

Gone = refused("Gone", "use Here.")


class Holder:
    method = RefusedMember("use another method.")
    value = RefusedMember("use another value.", is_property=True)


def test_a_refused_class_can_be_asked_for_and_subclassed() -> None:
    assert not isinstance(3, Gone)
    assert not issubclass(int, Gone)
    assert type("Below", (Gone,), {}).__unsupported__ is True
    assert Gone.__unsupported__ is True
    assert Gone.__name__ == "Gone"


@pytest.mark.parametrize("use", [lambda: Gone(), lambda: Gone(1, a=2), lambda: Gone.get("ws")])
def test_using_a_refused_class_says_what_to_use_instead(use: Callable[[], Any]) -> None:
    with pytest.raises(UserErrorException, match="amlet does not have Gone") as caught:
        use()
    assert caught.value.hint == "use Here."


def test_a_refused_method_raises_when_it_is_called_and_not_before() -> None:
    assert hasattr(Holder(), "method")
    assert Holder.method.__unsupported__ is True
    with pytest.raises(UserErrorException, match=r"does not have Holder\.method") as caught:
        Holder().method(1, b=2)
    assert caught.value.hint == "use another method."


def test_a_refused_property_raises_when_it_is_read_and_is_not_there_for_hasattr() -> None:
    assert Holder.value.__unsupported__ is True
    assert not hasattr(Holder(), "value")
    with pytest.raises(UserErrorException, match=r"Holder\.value"):
        Holder().value  # noqa: B018
