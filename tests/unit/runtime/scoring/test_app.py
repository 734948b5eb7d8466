"""What a service answers, without a socket or scikit-learn."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from amlet.runtime.scoring.exchange import Request, json_bytes, json_value, read_json_by
from amlet.runtime.scoring.model import ModelNotLoaded, ScoringModel
from amlet.runtime.scoring.nocode import NoCode
from amlet.runtime.scoring.rowwise import Sharing


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2.5, True, None, "é"], b'[1, 2.5, true, null, "\\u00e9"]'),
        ([math.nan, math.inf, -math.inf], b"[null, 1e999, -1e999]"),
        ([math.nan, 'NaN "Infinity"', "\\"], b'[null, "NaN \\"Infinity\\"", "\\\\"]'),
        ([b"x"], b"[\"b'x'\"]"),
    ],
)
def test_json_is_strict_whatever_the_result(value: Any, text: bytes) -> None:
    assert json_bytes(value) == text
    json.loads(text, parse_constant=lambda name: pytest.fail(name))


class Failing:
    n_features_in_ = 2

    def predict(self, table: Any) -> Any:
        raise SystemExit("ends nothing")

    @property
    def predict_proba(self) -> Any:
        raise RuntimeError("not trained for it")


def request(body: Any) -> Request:
    return Request("POST", "/score", "", {b"content-type": b"application/json"}, json.dumps(body).encode())


def test_a_model_that_ends_itself_does_not_end_the_service() -> None:
    logged: list[str] = []
    model = ScoringModel(Failing())
    model.table = lambda data: data  # type: ignore[method-assign]
    assert model.methods == ["predict"]
    scorer = NoCode(model, Sharing(None, "not known"), log=logged.append)
    (response,) = scorer.answer([scorer.read(request({"data": [[1, 2]]}))])
    assert response.status == 500
    assert "ends nothing" in logged[0]
    assert b"ends nothing" not in response.body


def test_a_class_is_not_a_model() -> None:
    with pytest.raises(ModelNotLoaded, match="'type'"):
        ScoringModel(Failing)


def test_the_fast_reader_takes_what_json_takes_and_refuses_what_it_refuses() -> None:
    calls = []

    def strict(body: bytes) -> Any:
        calls.append(body)
        if b"NaN" in body or b"[[" in body:
            raise ValueError("not by me")
        return json.loads(body)

    read_json_by(strict)
    try:
        assert json_value(b"[1, 2.5]") == [1, 2.5]
        assert math.isnan(json_value(b"[NaN]")[0])
        with pytest.raises(ValueError, match="Expecting value"):
            json_value(b"[[,")
        assert len(calls) == 3
    finally:
        read_json_by(None)
