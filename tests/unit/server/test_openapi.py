"""The OpenAPI document: valid in itself, and as the table of routes has it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from amlet.server.openapi import document
from amlet.wire.codec import Raw
from amlet.wire.errors import STATUS
from amlet.wire.routes import ANYONE, ROUTES, Route

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document("http://127.0.0.1:1")))
TYPES = {"string", "integer", "number", "boolean", "array", "object", "null"}


def parts_of(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for item in node.values():
            yield from parts_of(item)
    elif isinstance(node, list):
        for item in node:
            yield from parts_of(item)


def operation_of(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def test_every_reference_leads_somewhere() -> None:
    references = {part["$ref"] for part in parts_of(DOCUMENT) if "$ref" in part}
    assert references
    for reference in references:
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node, reference


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [part["operationId"] for part in parts_of(DOCUMENT["paths"]) if "operationId" in part]
    assert sorted(ids) == sorted(route.name for route in ROUTES)
    assert len(set(ids)) == len(ids)


def test_every_schema_is_of_a_known_type_and_requires_what_it_has() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["type"] == "object", name
        assert set(schema.get("required", ())) <= set(schema["properties"]), name
    for part in parts_of(DOCUMENT["components"]):
        if isinstance(part.get("type"), str) and "scheme" not in part:
            assert part["type"] in TYPES
            assert part["type"] != "array" or "items" in part


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_an_operation_tells_all_of_its_route(route: Route) -> None:
    operation = operation_of(route)
    parameters = {(told["in"], told["name"]): told for told in operation["parameters"]}
    assert len(parameters) == len(operation["parameters"])
    assert {name for where, name in parameters if where == "path"} == set(re.findall(r"{(\w+)}", route.path))
    assert {name for where, name in parameters if where == "query"} == set(route.query._fields if route.query else ())
    assert ("requestBody" in operation) == (route.body is not None)
    assert ("security" in operation) == (ANYONE not in route.access)
    assert {"200", *(str(status) for status in STATUS.values())} == set(operation["responses"])
    (media,) = operation["responses"]["200"]["content"]
    streamed = "application/x-ndjson" if hasattr(route.answer, "read_from") else "application/json"
    assert media == ("application/octet-stream" if route.answer is Raw else streamed)
    assert route.summary and operation["summary"] == route.summary
