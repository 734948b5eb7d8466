"""The description of a service for tools: Swagger 2.0 and OpenAPI 3.0."""

from __future__ import annotations

from typing import Any, Dict

from amlet.runtime.scoring.model import ScoringModel


def swagger(model: ScoringModel, version: int) -> Dict[str, Any]:
    """The document of a service, in version 2 or 3 (v1-behaviours 15.12)."""
    return document("No-code scikit-learn service", _input(model), _output(model), version)


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


def _input(model: ScoringModel) -> Dict[str, Any]:
    row: Dict[str, Any] = {"type": "array", "items": {}}
    if model.n_features is not None:
        row["minItems"] = row["maxItems"] = model.n_features
    if model.feature_names:
        row["description"] = "In this order: " + ", ".join(model.feature_names)
    schema: Dict[str, Any] = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "array", "minItems": 1, "items": row},
            "method": {"type": "string", "enum": model.methods, "default": model.default_method},
        },
    }
    if model.n_features is not None:
        schema["example"] = {"data": [[0.0] * model.n_features], "method": model.default_method}
    return schema


def _output(model: ScoringModel) -> Dict[str, Any]:
    results = {name: {"type": "array", "items": {}} for name in model.methods}
    return {"type": "object", "description": "One key, the method's name.", "properties": results}
