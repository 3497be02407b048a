"""The document as a whole."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any, Final

from parley.http.openapi.answers import HEADERS, answer_schemas, answers_of, problem_responses
from parley.http.openapi.bodies import body_schemas
from parley.http.openapi.links import links_of, operation_id
from parley.http.openapi.parameters import HEADER_PARAMETERS, PATH_PARAMETERS, query_parameters
from parley.http.openapi.service import SERVICE_SCHEMAS
from parley.http.openapi.texts import JSON_SCHEMAS
from parley.http.operations import OPERATIONS, PREFIXES, Operation

Schema = dict[str, Any]

TAGS: Final = {
    "applications": "An application is a tenant. Its token is the credential for everything below it.",
    "chats": "An application has chats, numbered 1, 2, 3…",
    "messages": "A chat has messages, numbered 1, 2, 3…",
    "service": "The service itself.",
}
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def build_document() -> Schema:
    """Build the document; it depends on nothing but this version of the code."""
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        for method in operation.methods:
            paths.setdefault(operation.documented_path, {})[method.lower()] = _operation(operation, method)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Parley",
            "version": version("parley"),
            "summary": "A self-hosted chat backend.",
            "description": f"Every path below `{PREFIXES[0]}` also exists below `{PREFIXES[1]}`. "
            "HEAD works wherever GET does; OPTIONS names the methods of a path.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**JSON_SCHEMAS, **body_schemas(), **answer_schemas(), **SERVICE_SCHEMAS},
            "parameters": {**PATH_PARAMETERS, **HEADER_PARAMETERS},
            "headers": HEADERS,
            "responses": problem_responses(),
            "securitySchemes": {
                "admin_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed where the server has one; without one it listens on loopback only.",
                }
            },
        },
    }


def _operation(operation: Operation, method: str) -> Schema:
    found: Schema = {
        "operationId": operation_id(operation, method),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description or f"{operation.summary}.",
        "parameters": _parameters(operation),
        "responses": answers_of(operation),
    }
    if operation.body is not None:
        found["requestBody"] = {
            "required": operation.needs_body,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{operation.body}"}}},
        }
    if operation.needs_admin:
        found["security"] = [{"admin_token": []}, {}]
    if operation.good.links:
        found["responses"][str(operation.good.status)]["links"] = links_of(operation)
    return found


def _parameters(operation: Operation) -> list[Schema]:
    names = [*_PARAMETER.findall(operation.path), *operation.headers]
    references = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    return [*references, *(query_parameters(operation.query) if operation.query else [])]
