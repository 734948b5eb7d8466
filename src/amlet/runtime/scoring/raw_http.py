"""Entry scripts that see the request itself and answer with a response of their own (v1-behaviours 15.10, 15.11).

The two classes have the names and members that v1's scripts use of Flask's, of which v1's were subclasses.
"""

from __future__ import annotations

import io
import json
import shutil
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union
from urllib.parse import parse_qsl

from amlet.runtime.scoring.exchange import Refused, Request, Response

Run = TypeVar("Run", bound=Callable[..., Any])

_MARK = "__amlet_raw_http__"

_OURS = frozenset(("content-length", "connection", "transfer-encoding", "keep-alive", "upgrade", "content-type"))
"""Headers that the server sends itself, or puts into their own place."""


def rawhttp(func: Run) -> Run:
    """Mark `run` so that it gets the request itself, an `AMLRequest`, in place of its body."""
    setattr(func, _MARK, True)
    return func


def is_raw(run: Any) -> bool:
    """Whether a function is marked."""
    return bool(getattr(run, _MARK, False))


class Values(Dict[str, Any]):
    """Fields that may come several times: as a dict the first of each, `getlist` all."""

    def __init__(self, pairs: Sequence[Tuple[str, Any]] = ()) -> None:
        super().__init__()
        self._all: Dict[str, List[Any]] = {}
        for name, value in pairs:
            self.setdefault(name, value)
            self._all.setdefault(name, []).append(value)

    def get(self, key: str, default: Any = None, type: Optional[Callable[[Any], Any]] = None) -> Any:  # noqa: A002
        """The first value; `default` too where `type` cannot convert it."""
        if key not in self:
            return default
        try:
            return self[key] if type is None else type(self[key])
        except ValueError:
            return default

    def getlist(self, key: str) -> List[Any]:
        """Every value of a field, in their order."""
        return list(self._all.get(key, ()))

    def to_dict(self, flat: bool = True) -> Dict[str, Any]:
        """A plain dict: of the first values, or of lists."""
        return dict(self) if flat else {name: list(found) for name, found in self._all.items()}


class Headers(Mapping[str, str]):
    """Headers by name, whatever its case."""

    def __init__(self, pairs: Sequence[Tuple[str, str]] = ()) -> None:
        self._held: Dict[str, Tuple[str, str]] = {name.lower(): (name, value) for name, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self._held[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._held

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._held.values())

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"


class Upload:
    """A file of a form."""

    def __init__(self, name: str, filename: str, content_type: str, data: bytes) -> None:
        self.name = name
        self.filename = filename
        self.content_type = self.mimetype = content_type
        self.stream = io.BytesIO(data)
        self.read = self.stream.read
        self.seek = self.stream.seek

    def save(self, dst: Any) -> None:
        """Write it to a path or an open file."""
        if hasattr(dst, "write"):
            shutil.copyfileobj(self.stream, dst)
            return
        with Path(dst).open("wb") as file:
            shutil.copyfileobj(self.stream, file)


class AMLRequest:
    """A request as `run` gets it when it is marked with `rawhttp`. The body is whole and in memory."""

    def __init__(
        self,
        method: str = "GET",
        path: str = "/score",
        query: str = "",
        headers: Sequence[Tuple[str, str]] = (),
        data: bytes = b"",
    ) -> None:
        self.method = method
        self.path = path
        self.full_path = f"{path}?{query}"
        self.query_string = query.encode("latin-1", "replace")
        self.headers = Headers(headers)
        self.args = Values(parse_qsl(query, keep_blank_values=True))
        self.data = data
        self.content_length = len(data)
        self.content_type = self.headers.get("Content-Type", "")
        self.mimetype = self.content_type.partition(";")[0].strip().lower()
        self.is_json = self.mimetype == "application/json" or (
            self.mimetype.startswith("application/") and self.mimetype.endswith("+json")
        )
        self.host = self.headers.get("Host", "localhost")
        self.url = f"http://{self.host}{path}" + (f"?{query}" if query else "")
        self.base_url = f"http://{self.host}{path}"
        self._form: Optional[Tuple[Values, Values]] = None

    @classmethod
    def of(cls, request: Request) -> AMLRequest:
        """From what the replica read."""
        headers = [(name.decode("latin-1").title(), value.decode("latin-1")) for name, value in request.headers.items()]
        return cls(request.method, request.path, request.query, headers, request.body)

    @property
    def form(self) -> Values:
        """The fields of a form, encoded either way."""
        return self._parsed()[0]

    @property
    def files(self) -> Values:
        """The files of a form, by the name of their field."""
        return self._parsed()[1]

    @property
    def values(self) -> Values:
        """The query's parameters and the form's fields."""
        return Values([*self.args.items(), *self.form.items()])

    @property
    def cookies(self) -> Dict[str, str]:
        try:
            return {name: found.value for name, found in SimpleCookie(self.headers.get("Cookie", "")).items()}
        except CookieError:
            return {}

    @property
    def json(self) -> Any:
        """The body's JSON; a request of another type is answered 415."""
        return self.get_json()

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Union[bytes, str]:  # noqa: ARG002
        """The body."""
        return self.data.decode("utf-8", "replace") if as_text else self.data

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:  # noqa: ARG002
        """The body's JSON.

        Args:
            force: Whatever the content type.
            silent: None in place of an error.
        """
        if not (force or self.is_json):
            if silent:
                return None
            raise Refused(415, "Expects Content-Type to be application/json")
        try:
            return json.loads(self.data)
        except (ValueError, RecursionError) as error:
            if silent:
                return None
            raise Refused(400, f"The body is not JSON: {error}.") from None

    def _parsed(self) -> Tuple[Values, Values]:
        if self._form is None:
            fields: List[Tuple[str, Any]] = []
            files: List[Tuple[str, Any]] = []
            if self.mimetype == "application/x-www-form-urlencoded":
                fields = list(parse_qsl(self.data.decode("utf-8", "replace"), keep_blank_values=True))
            elif self.mimetype == "multipart/form-data":
                from email import policy
                from email.parser import BytesParser

                head = f"Content-Type: {self.content_type}\r\n\r\n".encode("latin-1", "replace")
                for part in BytesParser(policy=policy.HTTP).parsebytes(head + self.data).iter_parts():
                    _add(part, fields, files)
            self._form = Values(fields), Values(files)
        return self._form


class AMLResponse:
    """An answer that is sent as it is.

    Args:
        message: Bytes or text; with `json_str` anything that JSON has. None is an empty JSON object.
        response_headers: By name; a comma separates several of one name.
    """

    def __init__(
        self,
        message: Any,
        status_code: int,
        response_headers: Mapping[str, str] = {},
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        is_json = json_str or message is None
        body = json.dumps({} if message is None else message) if is_json else message
        self.data: bytes = body.encode("utf-8") if isinstance(body, str) else bytes(body)
        self.status_code = status_code
        self.run_function_failed = run_function_failed
        kind = "application/json" if is_json else "text/html; charset=utf-8"
        listed = [("Content-Type", kind)]
        for name, values in response_headers.items():
            if name.lower() == "content-type":
                listed[0] = (name, str(values))
            else:
                listed += [(name, value.strip()) for value in str(values).split(",")]
        self.headers = listed

    def get_data(self, as_text: bool = False) -> Union[bytes, str]:
        """The body."""
        return self.data.decode("utf-8", "replace") if as_text else self.data


def response_of(result: Any, told: Sequence[Tuple[bytes, bytes]]) -> Optional[Response]:
    """What a script answered itself with: an AMLResponse, or a response of Flask's; None for any other result.

    Args:
        told: Headers of the replica's own.
    """
    if not isinstance(result, AMLResponse) and not all(
        hasattr(result, name) for name in ("get_data", "status_code", "headers", "mimetype")
    ):
        return None
    listed = result.headers if isinstance(result.headers, list) else list(result.headers.items())
    status = int(result.status_code)
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of an answer")
    pairs = [(_bytes(name), _bytes(value)) for name, value in listed]
    kind = next((value for name, value in pairs if name.lower() == b"content-type"), b"application/octet-stream")
    failed = b"True" if getattr(result, "run_function_failed", False) else b"False"
    given = {name.lower() for name, _ in pairs}
    more = [(name, failed if name == b"x-ms-run-function-failed" else value) for name, value in told]
    headers = [pair for pair in pairs if pair[0].lower().decode("latin-1") not in _OURS]
    headers += [pair for pair in more if pair[0] not in given]
    return Response(status, b"" if status in (204, 304) else result.get_data(), kind, tuple(headers))


def _bytes(text: Any) -> bytes:
    found = str(text).encode("latin-1", "replace")
    if b"\r" in found or b"\n" in found or b"\0" in found:
        raise ValueError(f"the header {str(text)[:100]!r} has a line break in it")
    return found


def _add(part: Any, fields: List[Tuple[str, Any]], files: List[Tuple[str, Any]]) -> None:
    name = part.get_param("name", header="content-disposition")
    if name is None:
        return
    data = part.get_payload(decode=True) or b""
    filename = part.get_filename()
    if filename is None:
        fields.append((str(name), data.decode("utf-8", "replace")))
    else:
        files.append((str(name), Upload(str(name), filename, part.get_content_type(), data)))
