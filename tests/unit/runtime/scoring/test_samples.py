"""A stored sample against a model."""

from __future__ import annotations

from typing import Any

import pytest

from amlet.runtime.scoring.model import ModelNotLoaded, ScoringModel
from amlet.runtime.scoring.samples import Sample

ASKED = '{"data": [[1, 2], [3, 4]], "method": "predict"}'


class Sums:
    n_features_in_ = 2

    def predict(self, table: Any) -> Any:
        return table.sum(1)

    def transform(self, table: Any) -> Any:
        raise ZeroDivisionError("never")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (ASKED, None),
        (ASKED, "[3, 7]"),
        (ASKED, '{"predict": [3.0, 7.0000001]}'),
        ("[[1, 2]]", "[3]"),
        ('{"data": [[1.5, 2]]}', '{"predict": [3.5]}'),
    ],
)
def test_a_model_that_answers_as_it_did_passes(request_: str, answer: str | None) -> None:
    sample = Sample.read(request_, answer)
    assert sample is not None
    sample.check(ScoringModel(Sums()))


@pytest.mark.parametrize(
    ("request_", "answer", "told"),
    [
        (ASKED, "[3, 8]", r"answers its sample request with \[3, 7\]; when it was registered it answered \[3, 8\]"),
        (ASKED, "[3]", "other predictions than were tested"),
        (ASKED, '{"predict_proba": [3, 7]}', "other predictions than were tested"),
        ('{"data": [[1, 2, 3]]}', None, r"does not take its sample request: data\[0\] has 3 values"),
        ('{"data": [[1, 2]], "method": "transform"}', None, "transform of the sample request raised ZeroDivisionError"),
        ('{"data": [[1, 2]], "method": "fit"}', None, "asks for 'fit'; the model has predict, transform"),
        ("{", None, "is not JSON of the form"),
        ('{"rows": 1}', None, "is not JSON of the form"),
        ("7", None, "is not JSON of the form"),
        ('{"data": []}', None, "has no rows"),
    ],
)
def test_a_model_that_does_not_is_not_served(request_: str, answer: str | None, told: str) -> None:
    with pytest.raises(ModelNotLoaded, match=told):
        sample = Sample.read(request_, answer)
        assert sample is not None
        sample.check(ScoringModel(Sums()))


def test_no_sample_is_none() -> None:
    assert Sample.read(None, None) is None
