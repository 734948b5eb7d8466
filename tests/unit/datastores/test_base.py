"""What adapters share: libraries that may be missing, streams that must be whole."""

from __future__ import annotations

import io

import pytest

from amlet.base.errors import InvalidInput, StorageFailed
from amlet.datastores.base import Exactly, library


def test_a_library_that_is_missing_is_told_with_the_line_that_installs_it() -> None:
    with pytest.raises(InvalidInput, match="no_such_library") as told:
        library("no_such_library", "s3")
    assert "pip install 'amlet[s3]'" in str(told.value.hint)


class Crumbs(io.BytesIO):
    """Gives three bytes at most, as a socket may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3 if size is None or size < 0 else min(3, size))


def test_pieces_are_full_and_a_stream_that_ends_early_is_told() -> None:
    whole = Exactly(Crumbs(b"0123456789"), 10)
    assert [whole.read(8), whole.read(8), whole.read(8)] == [b"01234567", b"89", b""]
    assert Exactly(Crumbs(b"0123456789"), 10).read() == b"0123456789"
    with pytest.raises(StorageFailed, match="2 bytes before"):
        Exactly(Crumbs(b"01234567"), 10).read()
