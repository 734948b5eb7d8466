"""Elements of a configuration: plain attributes, closed once the element is made (v1-behaviours 9.9)."""

from __future__ import annotations

from typing import Any


class ConfigElement:
    """An object whose set of attributes is closed, so that a typo fails at once.

    A subclass sets its attributes in `__init__` and calls `_close()` last.
    """

    def _close(self) -> None:
        object.__setattr__(self, "_closed", True)

    def __setattr__(self, name: str, value: Any) -> None:
        if getattr(self, "_closed", False) and not hasattr(self, name):
            import difflib

            near = difflib.get_close_matches(name, [known for known in vars(self) if known[0] != "_"], n=1)
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name}" + (f"; did you mean {near[0]}?" if near else "")
            )
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{type(self).__name__}({shown})"
