"""Services without code: rows in, the answer of one of the model's own methods out."""

from __future__ import annotations

import json
import time
import traceback
from typing import Any, Callable, Dict, Hashable, List, NamedTuple, Optional

from amlet.runtime.scoring.exchange import JSON, Refused, Request, Response, json_bytes, json_value
from amlet.runtime.scoring.model import BadRows, ScoringModel
from amlet.runtime.scoring.rowwise import Sharing
from amlet.runtime.scoring.samples import Sample
from amlet.runtime.scoring.scorer import Scorer, failed, scored
from amlet.runtime.scoring.swagger import swagger


class Scoring(NamedTuple):
    """A checked request for a prediction: rows that fit the model, and a method that it has."""

    method: str
    table: Any
    rows: int


class NoCode(Scorer):
    """Answers with a model (v1-behaviours 15.4, 15.5)."""

    def __init__(
        self, model: ScoringModel, sharing: Sharing, *, log: Callable[[str], None], sample: Optional[Sample] = None
    ) -> None:
        self._model = model
        self._sample = sample
        self._log = log
        self.sharing = sharing

    def read(self, request: Request) -> Scoring:
        kind = request.headers.get(b"content-type", b"")
        if kind != JSON:
            kind = kind.split(b";")[0].strip().lower()
        if kind != JSON and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
            raise Refused(415, "Expects Content-Type to be application/json")
        try:
            body = json_value(request.body)
        except RecursionError:
            raise Refused(400, "The body is nested too deeply to be rows of values.") from None
        except ValueError as error:
            raise Refused(400, f"The body is not JSON: {error}.") from None
        if not isinstance(body, dict) or "data" not in body:
            raise Refused(400, 'Expected a JSON object such as {"data": [[...], ...], "method": "predict"}.')
        method = body.get("method")
        if method is None:
            method = self._model.default_method
        if method not in self._model.methods:
            shown = json.dumps(method)[:100]
            raise Refused(400, f"The model has no method {shown}; it has {', '.join(self._model.methods)}.")
        try:
            return Scoring(method, self._model.table(body["data"]), len(body["data"]))
        except BadRows as error:
            sentence = str(error)
            raise Refused(400, sentence[0].upper() + sentence[1:]) from None

    def kind(self, item: Scoring) -> Hashable:
        common = self._model.together(item.table) if self.sharing.allows(item.method) else None
        return None if common is None else (item.method, common)

    def size(self, item: Scoring) -> int:
        return item.rows

    def answer(self, items: List[Scoring]) -> List[Response]:
        if len(items) > 1:
            together = self._together(items)
            if together is not None:
                return together
        return [self._one(item) for item in items]

    def swagger(self, version: int) -> Dict[str, Any]:
        return swagger(self._model, version, None if self._sample is None else self._sample.request)

    def facts(self) -> Dict[str, Any]:
        facts = self._model.facts()
        shared = {"how": self.sharing.how, "alone": self.sharing.why_not, "alone_method": self.sharing.alone_method}
        return {**facts, "sharing": shared, "shown": f"{facts['model']} with {', '.join(facts['methods'])}"}

    def _one(self, item: Scoring) -> Response:
        began_s = time.perf_counter()
        try:
            body = json_bytes({item.method: self._model.call(item.method, item.table)})
        except (Exception, SystemExit):  # noqa: BLE001 - a foreign class, which may raise anything
            self._log(traceback.format_exc().rstrip("\n"))
            return failed(_ms_since(began_s))
        return scored(body, _ms_since(began_s))

    def _together(self, items: List[Scoring]) -> Optional[List[Response]]:
        """The answers out of one call; None when it raised, so that one bad request fails alone."""
        began_s = time.perf_counter()
        method, count = items[0].method, sum(item.rows for item in items)
        guard = self.sharing.guard if method == self.sharing.label_method else None
        sure = None
        try:
            table = self._model.stacked([item.table for item in items])
            if guard is None:
                results = self._model.call(method, table)
            else:
                results, sure = guard.labels(self._model, table)
        except (Exception, SystemExit):  # noqa: BLE001 - told of the one that raises alone
            return None
        if not isinstance(results, list) or len(results) != count:
            return None
        elapsed_ms = _ms_since(began_s)
        found, start = [], 0
        for item in items:
            end = start + item.rows
            if sure is not None and not all(sure[start:end]):
                found.append(self._one(item))
            else:
                found.append(scored(json_bytes({method: results[start:end]}), elapsed_ms))
            start = end
        return found


def _ms_since(began_s: float) -> float:
    return (time.perf_counter() - began_s) * 1000
