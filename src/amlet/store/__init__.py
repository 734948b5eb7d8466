"""The records: one small port an aggregate, SQLAlchemy Core behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlet.store.database import Database as Database

__all__ = ["Database"]


def __getattr__(name: str) -> Any:
    """Load SQLAlchemy (0.14 s) only for those who open a database; operations need no more than the ports."""
    if name == "Database":
        from amlet.store.database import Database

        return Database
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
