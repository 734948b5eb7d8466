"""Requests and responses that scripts handle themselves."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from amlet.runtime.scoring.exchange import Refused, Request
from amlet.runtime.scoring.raw_http import AMLRequest, AMLResponse, is_raw, rawhttp, response_of

TOLD = ((b"x-ms-run-function-failed", b"False"), (b"x-ms-run-fn-exec-ms", b"1.000"))


def _request(body: bytes = b"", kind: bytes = b"application/json", query: str = "", **headers: bytes) -> AMLRequest:
    given = {b"content-type": kind, **{name.encode(): value for name, value in headers.items()}}
    return AMLRequest.of(Request("POST", "/score", query, given, body))


def test_a_marked_function_stays_what_it_was() -> None:
    def run(request: Any) -> str:
        return "x"

    assert not is_raw(run)
    assert rawhttp(run) is run
    assert is_raw(run)


def test_a_request_has_flasks_names() -> None:
    request = _request(b'{"a": 1}', query="n=2&n=3&empty=", host=b"h:1", cookie=b"c=d")
    assert (request.method, request.path, request.full_path) == ("POST", "/score", "/score?n=2&n=3&empty=")
    assert (request.url, request.base_url, request.host) == (
        "http://h:1/score?n=2&n=3&empty=",
        "http://h:1/score",
        "h:1",
    )
    assert request.headers["CONTENT-type"] == request.headers.get("content-type") == request.content_type
    assert request.args.get("n", type=int) == 2
    assert (request.args.getlist("n"), request.args.get("empty"), request.args.get("no", "x")) == (["2", "3"], "", "x")
    assert request.args.to_dict(flat=False)["n"] == ["2", "3"]
    assert (request.data, request.get_data(as_text=True), request.content_length) == (b'{"a": 1}', '{"a": 1}', 8)
    assert (request.json, request.is_json, request.cookies) == ({"a": 1}, True, {"c": "d"})


@pytest.mark.parametrize(("kind", "body", "status"), [(b"text/plain", b"{}", 415), (b"application/json", b"{", 400)])
def test_json_that_is_none_is_refused_or_nothing(kind: bytes, body: bytes, status: int) -> None:
    request = _request(body, kind)
    assert request.get_json(silent=True) is None
    with pytest.raises(Refused) as raised:
        request.get_json()
    assert raised.value.status == status


def test_json_of_another_type_is_read_when_forced() -> None:
    assert _request(b"[1]", b"text/plain").get_json(force=True) == [1]
    assert _request(b"[1]", b"application/ld+json").json == [1]


def test_forms_come_in_two_encodings(tmp_path: Path) -> None:
    plain = _request(b"a=1&a=2&b=%C3%A9", b"application/x-www-form-urlencoded", query="q=3")
    assert (plain.form.getlist("a"), plain.form["b"], dict(plain.values)) == (
        ["1", "2"],
        "é",
        {"q": "3", "a": "1", "b": "é"},
    )
    data = bytes(range(256))
    body = b'--X\r\nContent-Disposition: form-data; name="f"; filename="p.bin"\r\n'
    body += b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--X--\r\n"
    upload = _request(body, b"multipart/form-data; boundary=X").files["f"]
    assert (upload.filename, upload.content_type, upload.read()) == ("p.bin", "application/octet-stream", data)
    upload.seek(0)
    upload.save(tmp_path / "kept")
    upload.seek(0)
    stream = io.BytesIO()
    upload.save(stream)
    assert (tmp_path / "kept").read_bytes() == stream.getvalue() == data


@pytest.mark.parametrize(
    ("response", "body", "kind"),
    [
        (AMLResponse(b"\x00", 200), b"\x00", b"text/html; charset=utf-8"),
        (AMLResponse("é", 200, {"content-type": "text/plain"}), "é".encode(), b"text/plain"),
        (AMLResponse({"a": 1}, 200, json_str=True), b'{"a": 1}', b"application/json"),
        (AMLResponse(None, 200), b"{}", b"application/json"),
        (AMLResponse("gone", 204), b"", b"text/html; charset=utf-8"),
    ],
)
def test_a_response_is_sent_as_it_is(response: AMLResponse, body: bytes, kind: bytes) -> None:
    sent = response_of(response, TOLD)
    assert sent is not None
    assert (sent.status, sent.body, sent.content_type) == (response.status_code, body, kind)


def test_a_response_tells_of_its_failure_and_never_of_its_length() -> None:
    given = {"Content-Length": "7", "X-A": "1,2"}
    sent = response_of(AMLResponse("x", 500, given, run_function_failed=True), TOLD)
    assert sent is not None
    assert sent.headers == ((b"X-A", b"1"), (b"X-A", b"2"), (b"x-ms-run-function-failed", b"True"), TOLD[1])


class LikeFlask:
    """A response of another library."""

    status_code = 202
    mimetype = "text/plain"
    headers = {"Content-Type": "text/plain", "X-A": "1"}

    def get_data(self) -> bytes:
        return b"theirs"


def test_a_response_like_flasks_is_known_by_its_members() -> None:
    sent = response_of(LikeFlask(), TOLD)
    assert sent is not None
    assert (sent.status, sent.body, sent.content_type, sent.headers[0]) == (
        202,
        b"theirs",
        b"text/plain",
        (b"X-A", b"1"),
    )
    assert response_of({"status_code": 200}, TOLD) is None


@pytest.mark.parametrize(
    "response", [AMLResponse("x", 99), AMLResponse("x", 700), AMLResponse("x", 200, {"X": "a\r\nb"})]
)
def test_what_is_no_answer_is_an_error_of_the_script(response: AMLResponse) -> None:
    with pytest.raises(ValueError, match=r"is no status|has a line break"):
        response_of(response, TOLD)
