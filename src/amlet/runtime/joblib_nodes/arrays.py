"""Tasks as bytes, with large arrays put aside: each goes to a node once, however many tasks name it.

An array counts as the same within one call of Parallel when it lies at the same place, as in joblib's own memory
maps; over calls when its bytes have the same digest.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
import threading
import weakref
from typing import Any, Dict, List, Optional, Tuple

LARGE_BYTES = 1 << 20
"""joblib's own limit, from which on it maps arrays into memory."""

TAG = "amlet-array"


class Arrays:
    """The large arrays of one call of Parallel, by digest. Safe from any thread."""

    def __init__(self) -> None:
        self._known: Dict[Tuple[Any, ...], Tuple[Any, str]] = {}
        self._lock = threading.Lock()

    def dumps(self, task: Any) -> Tuple[bytes, Dict[str, Any]]:
        """A task as bytes, and the large arrays that it names, by digest."""
        found: Dict[str, Any] = {}
        buffer = io.BytesIO()
        _pickler(buffer, self, found).dump(task)
        return buffer.getvalue(), found

    def digest(self, array: Any) -> str:
        """What tells an array from others: its bytes, shape and type."""
        owner = array
        while type(getattr(owner, "base", None)).__name__ in ("ndarray", "memmap"):
            owner = owner.base
        place = (id(owner), array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        with self._lock:
            held = self._known.get(place)
        if held is not None and held[0]() is owner:
            return held[1]
        body, header = _body(array), _header(array)
        digest = hashlib.blake2b(header, digest_size=16)
        digest.update(body)
        text = digest.hexdigest()
        with self._lock:
            self._known[place] = (weakref.ref(owner, lambda _: self._known.pop(place, None)), text)
        return text


def parts_of(array: Any) -> List[Any]:
    """An array as the buffers of an .npy file."""
    return [_header(array), _body(array)]


def loads(data: Any, find: Any) -> Any:
    """A task from its bytes; `find` gives the array of a digest."""
    unpickler = _Unpickler(io.BytesIO(data))
    unpickler.find = find
    return unpickler.load()


class _Unpickler(pickle.Unpickler):
    find: Any = None

    def persistent_load(self, named: Any) -> Any:
        tag, digest = named
        if tag != TAG:
            raise pickle.UnpicklingError(f"{tag!r} names nothing here")
        return self.find(digest)


def _pickler(buffer: io.BytesIO, arrays: Arrays, found: Dict[str, Any]) -> Any:
    base: Any = cloudpickle().CloudPickler

    numpy = sys.modules.get("numpy")
    if numpy is None:
        return base(buffer, protocol=pickle.HIGHEST_PROTOCOL)
    if not _classes:
        kinds = (numpy.ndarray, numpy.memmap)

        class Pickler(base):  # type: ignore[misc, valid-type, unused-ignore]
            def persistent_id(self, value: Any) -> Optional[Tuple[str, str]]:
                if type(value) not in kinds or value.nbytes < LARGE_BYTES or value.dtype.hasobject:
                    return None
                digest = self.arrays.digest(value)
                self.found[digest] = value
                return TAG, digest

        _classes.append(Pickler)
    made = _classes[0](buffer, protocol=pickle.HIGHEST_PROTOCOL)
    made.arrays, made.found = arrays, found
    return made


_classes: List[Any] = []


def cloudpickle() -> Any:
    """The job's own: joblib brings it along, or requires it from 1.6 on."""
    try:
        from joblib.externals import cloudpickle as found
    except ImportError:
        import cloudpickle as found
    return found


def _header(array: Any) -> bytes:
    from numpy.lib import format as npy

    buffer = io.BytesIO()
    npy.write_array_header_2_0(buffer, npy.header_data_from_array_1_0(array))
    return buffer.getvalue()


def _body(array: Any) -> memoryview:
    """The array's bytes in the order that its header says."""
    import numpy as np

    flat = array.T if array.flags.f_contiguous and not array.flags.c_contiguous else array
    octets: Any = np.ascontiguousarray(flat).reshape(-1).view(np.uint8)
    return memoryview(octets)
