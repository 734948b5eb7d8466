"""The OpenAPI document, made from the table of routes."""

from __future__ import annotations

import re
import typing
from datetime import datetime
from typing import Any

from amlet.base.version import __version__
from amlet.wire.codec import Raw
from amlet.wire.errors import STATUS
from amlet.wire.metric_lines import MEDIA_TYPE
from amlet.wire.routes import ANYONE, ROUTES, Route

_PLAIN = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
}


def document(url: str) -> dict[str, Any]:
    """OpenAPI 3.1 for all routes."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    schemas["Error"] = {
        "type": "object",
        "properties": {
            "error": {"type": "object", "properties": {"code": {"type": "string"}, "message": {"type": "string"}}}
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "amlet", "version": __version__},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query is not None:
        hints = typing.get_type_hints(route.query)
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": name not in route.query._field_defaults,
                "schema": _schema(hints[name], schemas),
            }
            for name in route.query._fields
        ]
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.name.partition(".")[0]],
        "parameters": parameters,
        "responses": {
            "200": {"description": "Done", "content": _content(route.answer, schemas)},
            **{
                str(status): {
                    "description": kind.__name__,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
                for kind, status in STATUS.items()
            },
        },
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body, schemas)}
    if ANYONE not in route.access:
        operation["security"] = [{"token": []}]
    return operation


def _content(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    if kind is Raw:
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    if hasattr(kind, "read_from"):
        told = "One JSON object a line: n(ame), k(ind), v(alues) of points that follow one another."
        return {MEDIA_TYPE: {"schema": {"type": "string", "description": told}}}
    return {"application/json": {"schema": _schema(kind, schemas)}}


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return {}
    if origin is typing.Union:
        inner = next(item for item in arguments if item is not type(None))
        return {"anyOf": [_schema(inner, schemas), {"type": "null"}]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], schemas)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], schemas)}
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    name = kind.__name__
    if name not in schemas:
        schemas[name] = {}  # a place, for records that hold themselves
        hints = typing.get_type_hints(kind)
        schemas[name] = {
            "type": "object",
            "properties": {field: _schema(hints[field], schemas) for field in kind._fields},
            "required": [field for field in kind._fields if field not in kind._field_defaults],
        }
    return {"$ref": f"#/components/schemas/{name}"}
