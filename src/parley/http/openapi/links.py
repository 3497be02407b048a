"""Links: what can be done next with what was just made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from parley.http.operations import OPERATIONS, Operation

_BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}
_FROM_PATH: Final = {name: f"$request.path.{name}" for name in ("token", "chat", "number")}
_MADE: Final = {
    "create_application": {"token": "$response.body#/token"},
    "create_chat": {"chat": "$response.body#/number"},
    "create_message": {"number": "$response.body#/number"},
    "create_messages": {"number": "$response.body#/numbers/0"},
}


def links_of(operation: Operation) -> dict[str, Any]:
    """Give an operation's links, with one for each method of their target."""
    sources = {**_FROM_PATH, **_MADE.get(operation.name, {})}
    return {
        operation_id(target, method): {
            "operationId": operation_id(target, method),
            "parameters": _parameters(target, sources),
        }
        for name in operation.good.links
        for target in [_BY_NAME[name]]
        for method in target.methods
    }


def operation_id(operation: Operation, method: str) -> str:
    """Give the id of one method of an operation."""
    return operation.name if method == operation.methods[0] else f"{operation.name}_{method.lower()}"


def _parameters(target: Operation, sources: Mapping[str, str]) -> dict[str, str]:
    return {f"path.{name}": source for name, source in sources.items() if f"{{{name}}}" in target.path}
