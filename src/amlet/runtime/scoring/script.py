"""Entry scripts: `init()` once, `run(...)` for every request (v1-behaviours 15.9-15.13)."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import parse_qsl

from amlet.runtime.scoring.exchange import JSON, Refused, Request, Response, json_value
from amlet.runtime.scoring.raw_http import AMLRequest, AMLResponse, is_raw, rawhttp, response_of
from amlet.runtime.scoring.scorer import Scorer, failed, refused, scored, told
from amlet.runtime.scoring.swagger import document

HEADERS_PARAMETER = "request_headers"
"""The parameter of `run` that gets the request's headers."""


class ScriptNotLoaded(Exception):
    """The entry script cannot serve: one sentence, and the traceback when it raised."""

    def __init__(self, sentence: str, trace: Optional[str] = None) -> None:
        super().__init__(sentence)
        self.trace = trace


class Script(Scorer):
    """An entry script whose `init` has run."""

    verbs: Tuple[str, ...] = ("GET", "POST")
    may_be_quick = False  # it may wait for anything

    def __init__(self, module: Any, *, log: Callable[[str], None], max_calls: int = 1) -> None:
        """
        Raises:
            ScriptNotLoaded: if `run` cannot be called with a request.
        """
        self.max_calls = max_calls
        self._log = log
        self._run = module.run
        self._name = Path(module.__file__).name
        self._schema = _schema(self._run, "get_input_schema")
        self._output = _schema(self._run, "get_output_schema")
        self._raw = is_raw(self._run)
        if self._raw and self._schema is not None:
            raise ScriptNotLoaded(f"{self._name}: run() has both @rawhttp and @input_schema; it can have one of them.")
        self.answers_options = self._raw
        if self._raw:
            self.verbs = ("GET", "POST", "OPTIONS")
        self._wants_headers = False
        self._body: Optional[str] = None
        """The parameter that gets the body of a request, where there is no schema."""
        self._named: List[str] = []
        """With a schema: the parameters that come from the JSON object, by name."""
        self._needed: List[str] = []
        self._defaults: Dict[str, Any] = {}
        self._inspect()

    def read(self, request: Request) -> Dict[str, Any]:
        given: Dict[str, Any] = {}
        if self._wants_headers:
            given[HEADERS_PARAMETER] = {
                name.decode("latin-1").title(): value.decode("latin-1") for name, value in request.headers.items()
            }
        if self._schema is not None:
            return {**given, **self._from_json(request)}
        if self._body is not None:
            given[self._body] = AMLRequest.of(request) if self._raw else _text(request)
        return given

    def answer(self, items: List[Any]) -> List[Response]:
        return [self._one(item) for item in items]

    def swagger(self, version: int) -> Dict[str, Any]:
        takes = self._schema or {"type": "object", "description": "What the entry script takes."}
        return document(self._name, takes, self._output or {"description": "What it returns."}, version)

    def facts(self) -> Dict[str, Any]:
        return {"entry_script": self._name, "warnings": [], "shown": f"entry script {self._name}"}

    def _inspect(self) -> None:
        unfit = (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
            inspect.Parameter.POSITIONAL_ONLY,
        )
        try:
            parameters = dict(inspect.signature(self._run).parameters)
        except (TypeError, ValueError) as error:
            raise ScriptNotLoaded(f"{self._name}: run is not a function: {error}.") from error
        for parameter in parameters.values():
            if parameter.kind in unfit:
                raise ScriptNotLoaded(
                    f"{self._name}: run() has the parameter {parameter}: *args, **kwargs and positional-only ones "
                    "cannot be filled from a request."
                )
        self._wants_headers = parameters.pop(HEADERS_PARAMETER, None) is not None
        if self._schema is None:
            needed = [name for name, one in parameters.items() if one.default is inspect.Parameter.empty]
            if len(needed) > 1:
                raise ScriptNotLoaded(
                    f"{self._name}: run() has the parameters {', '.join(needed)}; without @input_schema it gets one, "
                    "the request's body as text."
                )
            self._body = next(iter(parameters), None)
            return
        self._named = list(parameters)
        self._needed = [name for name, one in parameters.items() if one.default is inspect.Parameter.empty]
        self._defaults = {name: one.default for name, one in parameters.items() if name not in self._needed}

    def _from_json(self, request: Request) -> Dict[str, Any]:
        if request.method == "GET":
            body: Any = dict(parse_qsl(request.query, keep_blank_values=True))
        else:
            kind = request.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
            if kind != JSON:
                raise Refused(415, "Expects Content-Type to be application/json")
            try:
                body = json_value(request.body)
            except RecursionError:
                raise Refused(400, "The body is nested too deeply.") from None
            except ValueError as error:
                raise Refused(400, f"The body is not JSON: {error}.") from None
        if not isinstance(body, dict):
            raise Refused(400, f"Expected a JSON object with {', '.join(self._named)}.")
        missing = [name for name in self._needed if name not in body]
        if missing:
            raise Refused(400, f"The request has no {', '.join(missing)}; expected {', '.join(self._named)}.")
        # The decorators look for every parameter by name, so that defaults are handed over too.
        return {**self._defaults, **{name: body[name] for name in self._named if name in body}}

    def _one(self, given: Dict[str, Any]) -> Response:
        began_s = time.perf_counter()
        try:
            result = self._run(**given)
            own = response_of(result, told(False, (time.perf_counter() - began_s) * 1000))
            if own is not None:
                return own
            # One level of JSON, whatever it is: a text that is JSON already is a text (v1-behaviours 15.11).
            body = json.dumps(result).encode("ascii")
        except Refused as error:  # of the request's own get_json
            return refused(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's script, which may raise anything
            self._log(_trace(error).rstrip("\n"))
            return failed((time.perf_counter() - began_s) * 1000)
        return scored(body, (time.perf_counter() - began_s) * 1000)


def load(source: Path, entry_script: str, *, log: Callable[[str], None], max_calls: int = 1) -> Script:
    """Import an entry script and run its `init`, in its own folder.

    Raises:
        ScriptNotLoaded: if it raises, or lacks `init` or `run`.
    """
    path = source / entry_script
    for folder in (str(source), str(path.parent)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    os.chdir(str(source))
    spec = importlib.util.spec_from_file_location("entry_module", str(path))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["entry_module"] = module
    _stand_in_for_the_server_package()
    _guarded(lambda: spec.loader.exec_module(module), f"{entry_script} could not be imported")  # type: ignore[union-attr]
    missing = [f"{name}()" for name in ("init", "run") if not callable(getattr(module, name, None))]
    if missing:
        raise ScriptNotLoaded(f"{entry_script} has no {' and no '.join(missing)}: a service needs both.")
    _guarded(module.init, f"init() of {entry_script} raised")
    return Script(module, log=log, max_calls=max_calls)


def _stand_in_for_the_server_package() -> None:
    """Newer scripts import the same names from v1's server package, which no build has."""
    top = "azureml_inference_server_http"
    if importlib.util.find_spec(top) is not None:
        return
    for name in ("", ".api", ".api.aml_request", ".api.aml_response"):
        made = types.ModuleType(top + name)
        made.__path__ = []
        sys.modules[top + name] = made
    for name, held in (("aml_request", (AMLRequest, rawhttp)), ("aml_response", (AMLResponse,))):
        for one in held:
            setattr(sys.modules[f"{top}.api.{name}"], one.__name__, one)


def _guarded(call: Callable[[], Any], what: str) -> None:
    try:
        call()
    except (Exception, SystemExit) as error:
        sentence = f"{what}: {type(error).__name__}: {str(error).strip() or 'no message'}"
        raise ScriptNotLoaded(sentence if sentence.endswith(".") else sentence + ".", _trace(error)) from error


def _trace(error: BaseException) -> str:
    """The traceback from the script on, without what called it."""
    within = error.__traceback__
    while within is not None and within.tb_next is not None and within.tb_frame.f_code.co_filename == __file__:
        within = within.tb_next
    return "".join(traceback.format_exception(type(error), error, within))


def _text(request: Request) -> str:
    if request.method == "GET":
        return json.dumps(dict(parse_qsl(request.query, keep_blank_values=True)))  # v1-behaviours 15.10
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(400, f"The body is not UTF-8: {error.reason} at byte {error.start}.") from None


def _schema(run: Any, name: str) -> Optional[Dict[str, Any]]:
    """What inference_schema's decorators recorded for a function; None when there are none."""
    if "inference_schema" not in sys.modules:
        return None
    util = importlib.import_module("inference_schema.schema_util")
    if not util.is_schema_decorated(run):
        return None
    with contextlib.suppress(Exception):  # decorated by the other of the two alone
        found = getattr(util, name)(run)
        return dict(found) if found else None
    return None
