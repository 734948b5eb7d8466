"""Metrics whose content is a file of the run: images, confusion matrices and their like (v1-behaviours 4.9, 4.10)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.paths import PATH_LIMIT, relative_path
from amlet.domain.metric import ACCURACY_TABLE, CONFUSION_MATRIX, PREDICTIONS, RESIDUALS, file_of
from amlet.sdk.exceptions import AzureMLException, UserErrorException

HEAD_BYTES = 512
_NAME_BYTES = 200

_MAGIC: Tuple[Tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"BM", "bmp"),
    (8, b"WEBP", "webp"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (0, b"v/1\x01", "exr"),
    (0, b"\x01\xda", "rgb"),
    (0, b"Y\xa6j\x95", "rast"),
    (0, b"#define", "xbm"),
)


def image_type(head: bytes) -> Optional[str]:
    """The type of an image by its first `HEAD_BYTES` bytes; None for what is none."""
    for start, mark, name in _MAGIC:
        if head[start : start + len(mark)] == mark:
            return name
    if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return {"1": "pbm", "2": "pgm", "3": "ppm"}[str((head[1] - 49) % 3 + 1)]
    return "svg" if b"<svg" in head else None


def read_image(path: Union[str, Path]) -> bytes:
    """The bytes of an image file.

    Raises:
        AzureMLException: if it is none, or of no type that is known.
        UserErrorException: if it cannot be read.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            data = file.read()
    except OSError as error:
        raise UserErrorException(f"The image {path} cannot be read: {error.strerror}.") from error
    if image_type(data[:HEAD_BYTES]) is None:
        raise AzureMLException(
            f"{path} is no image of a known type: it begins with {data[:8]!r}.",
            hint="save it as PNG, JPEG, GIF, BMP, WebP, TIFF or SVG.",
        )
    return data


def drawn(plot: Any) -> bytes:
    """What a plot draws, as PNG.

    Raises:
        AzureMLException: for an object without `savefig`.
    """
    import io

    if not callable(getattr(plot, "savefig", None)):
        raise AzureMLException(
            f"plot must have a method savefig, as matplotlib's figures do; a {type(plot).__name__} has none.",
            hint="pass matplotlib.pyplot or a figure, or save the image and pass its path.",
        )
    stream = io.BytesIO()
    plot.savefig(stream, format="png")
    return stream.getvalue()


def file_name(name: str) -> str:
    """A metric's name as the path of a file of the run: the same text wherever that can be one."""
    try:
        return relative_path(name)
    except InvalidInput:
        pass
    parts = []
    for part in name.replace("\x00", "").split("/"):
        if part not in ("", ".", ".."):
            parts.append(part.encode("utf-8", "replace")[:_NAME_BYTES].decode("utf-8", "ignore"))
    return "/".join(parts)[-PATH_LIMIT + 100 :].strip("/") or "metric"


def content_of(kind: str, name: str, value: Any) -> bytes:
    """A confusion matrix, accuracy table, residuals or predictions as JSON, once its shape is right.

    Args:
        value: A dict, or the text of one: {schema_type, schema_version, data}.

    Raises:
        UserErrorException: for a text that is not JSON, or with everything that is wrong with the shape.
    """
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise UserErrorException(f"The value of {name!r} is not JSON: {error}.") from error
    faults: List[FieldError] = []
    if not isinstance(value, Mapping):
        raise UserErrorException(f"The value of {name!r} must be a dict or JSON text, not {type(value).__name__}.")
    whole: Dict[str, Any] = _plain(value)
    if whole.get("schema_type") != kind:
        faults.append(FieldError("schema_type", f"must be {kind!r}, not {whole.get('schema_type')!r}"))
    data = whole.get("data")
    if isinstance(data, dict):
        _CHECKS[kind](_Shape(data, faults))
    else:
        faults.append(FieldError("data", f"must be a dict, not {type(data).__name__}"))
    if faults:
        told = InvalidInput.of(faults, subject=f"the {kind} {name!r}")
        raise UserErrorException(told.message, fields=told.fields)
    return json.dumps(whole).encode("ascii")


class Artifact:
    """A file that a metric stands for, with its content.

    Attributes:
        run_id: The run that has the file.
        path: Its path in the run.
        content: Its bytes.
    """

    def __init__(self, run_id: str, path: str, content: bytes) -> None:
        self.run_id = run_id
        self.path = path
        self.content = content

    @property
    def artifact_id(self) -> str:
        """v1's id: `ExperimentRun/dcid.<run id>/<path>`."""
        return f"ExperimentRun/dcid.{self.run_id}/{self.path}"

    @property
    def data(self) -> Any:
        """The content of a table, read from its JSON.

        Raises:
            UserErrorException: for an image.
        """
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise UserErrorException(f"{self.path} holds no JSON.", hint="an image's bytes are in content.") from error

    def __repr__(self) -> str:
        return f"Artifact({self.artifact_id!r}, {len(self.content)} bytes)"


def populated(values: Mapping[str, Any], fetch: Callable[[str, str], bytes]) -> Dict[str, Any]:
    """Metrics with artifacts in place of their addresses; `fetch` gives the bytes of (run id, path)."""

    def one(value: Any) -> Any:
        if isinstance(value, list):
            return [one(item) for item in value]
        place = file_of(value)
        return value if place is None else Artifact(*place, fetch(*place))

    return {name: one(value) for name, value in values.items()}


class _Shape:
    """Looks at one dict of lists and notes what is wrong with it."""

    def __init__(self, data: Dict[str, Any], faults: List[FieldError]) -> None:
        self._data = data
        self._faults = faults

    def fault(self, path: str, message: str) -> None:
        self._faults.append(FieldError(f"data.{path}", message))

    def rows(self, name: str, length: Optional[int] = None, *, why: str = "") -> Optional[List[Any]]:
        """A list, of this length if one is asked for; None when it is not."""
        found = self._data.get(name)
        if not isinstance(found, list):
            self.fault(name, "is missing" if name not in self._data else f"must be a list, not {type(found).__name__}")
            return None
        if length is not None and len(found) != length:
            self.fault(name, f"must have {length} entries{why}, not {len(found)}")
            return None
        return found

    def numbers(self, name: str, length: Optional[int] = None, *, why: str = "") -> Optional[List[Any]]:
        """A list of numbers."""
        found = self.rows(name, length, why=why)
        bad = next((item for item in found or [] if not _is_number(item)), None)
        if bad is not None:
            self.fault(name, f"must hold numbers, not {bad!r}")
            return None
        return found


def _confusion_matrix(shape: _Shape) -> None:
    labels = shape.rows("class_labels")
    if labels is None:
        shape.rows("matrix")
        return
    rows = shape.rows("matrix", len(labels), why=", one a class label")
    for number, row in enumerate(rows or []):
        if not isinstance(row, list) or len(row) != len(labels) or not all(map(_is_number, row)):
            shape.fault(f"matrix[{number}]", f"must be a list of {len(labels)} numbers, one a class label")


def _accuracy_table(shape: _Shape) -> None:
    labels = shape.rows("class_labels")
    for name in ("probability", "percentile"):
        thresholds = shape.numbers(f"{name}_thresholds")
        tables = shape.rows(f"{name}_tables", None if labels is None else len(labels), why=", one a class label")
        for number, table in enumerate(tables or []):
            wanted = "one a threshold" if thresholds is None else f"{len(thresholds)}, one a threshold"
            path = f"{name}_tables[{number}]"
            if not isinstance(table, list) or (thresholds is not None and len(table) != len(thresholds)):
                shape.fault(path, f"must be a list of rows, {wanted}")
            elif not all(isinstance(row, list) and len(row) == 4 and all(map(_is_number, row)) for row in table):
                shape.fault(path, "must hold rows of four numbers: TP, FP, TN, FN")


def _residuals(shape: _Shape) -> None:
    counts = shape.numbers("bin_counts")
    shape.numbers("bin_edges", None if counts is None else len(counts) + 1, why=", one more than bin_counts")


def _predictions(shape: _Shape) -> None:
    _residuals(shape)
    counts = shape.numbers("bin_counts") if isinstance(shape._data.get("bin_counts"), list) else None
    for name in ("bin_averages", "bin_errors"):
        shape.numbers(name, None if counts is None else len(counts), why=", as bin_counts has")


_CHECKS: Dict[str, Callable[[_Shape], None]] = {
    CONFUSION_MATRIX: _confusion_matrix,
    ACCURACY_TABLE: _accuracy_table,
    RESIDUALS: _residuals,
    PREDICTIONS: _predictions,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """NumPy's arrays and numbers as JSON has them."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float)) else repr(value)
