"""The description of a service for tools: Swagger 2.0 and OpenAPI 3.0."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

from amlet.runtime.scoring.model import ScoringModel


def swagger(model: ScoringModel, version: int, sample: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """The document of a service, in version 2 or 3 (v1-behaviours 15.6, 15.12); the sample request is its example."""
    return document("No-code scikit-learn service", _input(model, sample), _output(model), version)


def document(title: str, takes: Dict[str, Any], gives: Dict[str, Any], version: int) -> Dict[str, Any]:
    """A service's document, from the schemas of what it takes and gives."""
    schemas = {
        "ServiceInput": takes,
        "ServiceOutput": gives,
        "ErrorResponse": {"type": "object", "properties": {"message": {"type": "string"}}},
    }
    if version == 2:
        return {
            "swagger": "2.0",
            "info": {"title": title, "version": "1.0"},
            "schemes": ["http"],
            "consumes": ["application/json"],
            "produces": ["application/json"],
            "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
            "paths": {
                "/": {"get": {"operationId": "ServiceHealthCheck", "responses": {"200": {"description": "Healthy"}}}},
                "/score": {
                    "post": {
                        "operationId": "RunMLService",
                        "parameters": [
                            {
                                "name": "serviceInputPayload",
                                "in": "body",
                                "required": True,
                                "schema": {"$ref": "#/definitions/ServiceInput"},
                            }
                        ],
                        "responses": {
                            "200": {"description": "The answer", "schema": {"$ref": "#/definitions/ServiceOutput"}},
                            "default": {"description": "Error", "schema": {"$ref": "#/definitions/ErrorResponse"}},
                        },
                    }
                },
            },
            "definitions": schemas,
        }
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1.0"},
        "paths": {
            "/": {"get": {"operationId": "ServiceHealthCheck", "responses": {"200": {"description": "Healthy"}}}},
            "/score": {
                "post": {
                    "operationId": "RunMLService",
                    "requestBody": {"required": True, "content": _content("ServiceInput")},
                    "responses": {
                        "200": {"description": "The answer", "content": _content("ServiceOutput")},
                        "default": {"description": "Error", "content": _content("ErrorResponse")},
                    },
                }
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"Bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _content(name: str) -> Dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _input(model: ScoringModel, sample: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    values = None if sample is None else sample["data"][0]
    schema: Dict[str, Any] = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "array", "minItems": 1, "items": _row(model, values)},
            "method": {"type": "string", "enum": model.methods, "default": model.default_method},
        },
    }
    if sample is not None:
        schema["example"] = sample
    elif model.row_shape is not None:
        schema["example"] = {"data": [_zeros(model.row_shape)], "method": model.default_method}
    elif model.n_features is not None and not model.feature_names:
        schema["example"] = {"data": [[0.0] * model.n_features], "method": model.default_method}
    return schema


def _row(model: ScoringModel, values: Any) -> Dict[str, Any]:
    """A row as the sample has it, else as far as the model tells."""
    if model.row_shape is not None:
        row: Dict[str, Any] = {"type": "number"}
        for size in reversed(model.row_shape):
            row = {"type": "array", "items": row, **({} if size is None else {"minItems": size, "maxItems": size})}
        return row
    if isinstance(values, dict):
        properties = {name: _type_of(value) for name, value in values.items()}
        return {"type": "object", "required": model.feature_names or list(values), "properties": properties}
    if values is not None and not isinstance(values, list):
        return _type_of(values)
    kinds = {_type_of(value).get("type") for value in values or ()}
    row = {"type": "array", "items": {"type": kinds.pop()} if len(kinds) == 1 else {}}
    if model.n_features is not None:
        row["minItems"] = row["maxItems"] = model.n_features
    if model.feature_names:
        row["description"] = "In this order: " + ", ".join(model.feature_names)
    return row


def _zeros(sizes: Sequence[Optional[int]]) -> Any:
    return [_zeros(sizes[1:]) for _ in range(sizes[0] or 1)] if sizes else 0.0


def _type_of(value: Any) -> Dict[str, Any]:
    names = {bool: "boolean", int: "number", float: "number", str: "string"}
    name = names.get(type(value))
    return {} if name is None else {"type": name}


def _output(model: ScoringModel) -> Dict[str, Any]:
    results = {name: {"type": "array", "items": {}} for name in model.methods}
    return {"type": "object", "description": "One key, the method's name.", "properties": results}
