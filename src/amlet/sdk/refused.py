"""Names of v1's that amlet refuses: they can be imported and referred to, and say what to use instead when used."""

from __future__ import annotations

from typing import Any, Callable, Optional

from amlet.sdk.exceptions import UserErrorException

_OPERATORS = ("__enter__", "__exit__", "__getitem__", "__contains__")


class RefusedAttribute(UserErrorException, AttributeError):
    """A property that amlet does not have. An AttributeError too, so that `hasattr` answers False."""

    def __init__(self, exception_message: str, **kwargs: Any) -> None:
        UserErrorException.__init__(self, exception_message, **kwargs)


def refused(name: str, instead: str) -> Any:
    """A class that stands for one of v1's classes or functions and cannot be used.

    It can be imported, subclassed and asked for by `isinstance` (which is False); a call of it, or of anything below
    it, raises UserErrorException.

    Args:
        name: What v1 calls it.
        instead: What to use in its place: the error's hint.
    """
    return _Refused(name, (), {"_instead": instead, "__doc__": f"Not in amlet. Instead: {instead}"})


class RefusedMember:
    """A method or property of one of our classes that v1 has and amlet refuses.

    A method raises when it is called, a property when it is read.
    """

    __unsupported__ = True

    def __init__(self, instead: str, *, is_property: bool = False) -> None:
        self._instead = instead
        self._is_property = is_property
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"{owner.__name__}.{name}"

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Callable[..., Any]:
        if self._is_property and instance is not None:
            raise RefusedAttribute(_words(self._name), hint=self._instead)
        return _refusing(self._name, self._instead)


class _Refused(type):
    _instead: str
    __unsupported__ = True

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise UserErrorException(_words(cls.__name__), hint=cls._instead)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_") and name not in _OPERATORS:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return _refusing(f"{cls.__name__}.{name}", cls._instead)


def _refusing(name: str, instead: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UserErrorException(_words(name), hint=instead)

    refuse.__name__ = refuse.__qualname__ = name.rpartition(".")[2]
    refuse.__unsupported__ = True  # type: ignore[attr-defined]
    return refuse


def _words(name: str) -> str:
    return f"amlet does not have {name}."
