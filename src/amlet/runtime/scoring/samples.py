"""A sample request and its stored answer: asked at the start, shown in the service's description."""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple, Optional

from amlet.runtime.scoring.exchange import json_bytes
from amlet.runtime.scoring.model import BadRows, ModelNotLoaded, ScoringModel
from amlet.runtime.scoring.rowwise import largest_difference

TOLERANCE = 1e-6
"""How far a stored float may differ: another processor rounds otherwise, another model answers otherwise."""


class Sample(NamedTuple):
    """A request's body, and what the model answered when it was registered."""

    data: List[Any]
    method: Optional[str]
    request: Dict[str, Any]
    answer: Any = None
    """None: it was not stored."""

    @classmethod
    def read(cls, request: Optional[str], answer: Optional[str]) -> Optional[Sample]:
        """From JSON texts; rows alone are a request too.

        Raises:
            ModelNotLoaded: if they are no sample.
        """
        if request is None:
            return None
        try:
            asked = json.loads(request)
            asked = {"data": asked} if isinstance(asked, list) else asked
            found = cls(asked["data"], asked.get("method"), asked, None if answer is None else json.loads(answer))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelNotLoaded('The sample request is not JSON of the form {"data": [[...], ...]}.') from error
        if not isinstance(found.data, list) or not found.data:
            raise ModelNotLoaded("The sample request has no rows in 'data'.")
        return found

    def check(self, model: ScoringModel) -> None:
        """
        Raises:
            ModelNotLoaded: if the model does not take the sample, or answers it otherwise than was stored.
        """
        method = self.method or model.default_method
        if method not in model.methods:
            raise ModelNotLoaded(f"The sample asks for {method!r}; the model has {', '.join(model.methods)}.")
        try:
            found = json.loads(json_bytes(model.call(method, model.table(self.data))))
        except BadRows as error:
            raise ModelNotLoaded(f"The model does not take its sample request: {error}") from error
        except Exception as error:
            raise ModelNotLoaded(f"{method} of the sample request raised {type(error).__name__}: {error}") from error
        if self.answer is None:
            return
        stored = self.answer.get(method) if isinstance(self.answer, dict) else self.answer
        difference = largest_difference(_floats(found), _floats(stored))
        if difference > TOLERANCE:
            shown = json.dumps(found)[:200], json.dumps(stored)[:200]
            raise ModelNotLoaded(
                f"The model answers its sample request with {shown[0]}; when it was registered it answered {shown[1]}. "
                "It would serve other predictions than were tested."
            )


def _floats(value: Any) -> Any:
    """1 and 1.0 are the same in JSON."""
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
