"""Every route is a method, with the types that the table says."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from typing import Any

import pytest

import amlet.client.pool
from amlet.client.body import Body
from amlet.client.connection import Client
from amlet.wire import routes
from amlet.wire.codec import Raw
from amlet.wire.routes import Route


class Recorder:
    """A transport that only notes what it is asked."""

    patience_s = 30.0

    def __init__(self) -> None:
        self.calls: list[tuple[Route, tuple[object, ...], dict[str, Any]]] = []

    def call(self, route: Route, *parameters: object, **more: Any) -> None:
        self.calls.append((route, parameters, more))


def client_of(recorder: Any) -> Client:
    return Client.over(recorder)


def method_of(client: Client, route: Route) -> Callable[..., Any]:
    noun, verb = route.name.split(".")
    method: Callable[..., Any] = getattr(getattr(client, noun), verb)
    return method


def hints_of(method: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(method, localns={"Data": amlet.client.pool.Data})


every_route = pytest.mark.parametrize("route", routes.ROUTES, ids=lambda route: route.name)


@every_route
def test_every_route_has_a_method_that_calls_it(route: Route) -> None:
    recorder = Recorder()
    method = method_of(client_of(recorder), route)
    names = list(inspect.signature(method).parameters)
    given = {name: object() for name in names if name != "patience_s"}
    method(**given)
    [(called, parameters, more)] = recorder.calls
    assert called is route
    in_path = re.findall(r"{(\w+)}", route.path)
    assert parameters == tuple(given[name] for name in in_path)
    for name in ("body", "query", "data", "size_bytes"):
        assert more[name] is given.get(name)


@every_route
def test_a_method_takes_the_path_then_the_body_then_the_query(route: Route) -> None:
    method = method_of(client_of(Recorder()), route)
    wanted = re.findall(r"{(\w+)}", route.path)
    if route.body is Raw:
        wanted += ["data", "size_bytes"]
    elif route.body is not None:
        wanted.append("body")
    if route.query is not None:
        wanted.append("query")
    parameters = inspect.signature(method).parameters
    positional = [name for name, found in parameters.items() if found.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert positional == wanted


@every_route
def test_a_method_has_the_types_of_its_route(route: Route) -> None:
    hints = hints_of(method_of(client_of(Recorder()), route))
    assert hints["return"] is (Body if route.answer is Raw else route.answer or type(None))
    if route.body is not None and route.body is not Raw:
        assert hints["body"] is route.body
    if route.query is not None:
        assert hints["query"] is route.query


@every_route
def test_a_query_may_be_left_out_when_all_of_it_may(route: Route) -> None:
    if route.query is not None:
        default = inspect.signature(method_of(client_of(Recorder()), route)).parameters["query"].default
        optional = set(route.query._fields) == set(route.query._field_defaults)
        assert default == (route.query() if optional else inspect.Parameter.empty)


@every_route
def test_a_waiting_call_takes_a_patience_of_its_own(route: Route) -> None:
    waits = any("wait_s" in getattr(kind, "_fields", ()) for kind in (route.body, route.query))
    assert ("patience_s" in inspect.signature(method_of(client_of(Recorder()), route)).parameters) == waits


def test_there_is_no_method_without_a_route() -> None:
    client = client_of(Recorder())
    nouns = {route.name.split(".")[0] for route in routes.ROUTES}
    methods = {
        f"{noun}.{name}"
        for noun in nouns
        for name, _ in inspect.getmembers(getattr(client, noun), inspect.ismethod)
        if not name.startswith("_")
    }
    assert methods == {route.name for route in routes.ROUTES}


def test_a_patient_client_asks_the_same_server_with_its_own_patience() -> None:
    recorder = Recorder()
    client = client_of(recorder)
    assert client.patience_s == 30
    patient = client.patient(5)
    assert patient.patience_s == 5
    patient.server.health()
    client.server.health()
    assert [more["patience_s"] for _, _, more in recorder.calls] == [5, None]
