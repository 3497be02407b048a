"""Every call of the contract that names an application, made of the table of operations: none can be forgotten."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from parley.http.operations import OPERATIONS, PREFIXES, Operation
from tests.support.client import Answer, Client, Headers

QUERIES: Final = {None: ("",), "window": ("", "?after=0&limit=2"), "search": ("?q=secret", "?q=s")}
"""What each kind of query string asks for."""

OF_NOBODY: Final = {
    "list_applications": "is for the operator: test_admin, test_everywhere",
    "create_application": "is for the operator: test_admin, test_everywhere",
    "health": "says nothing of applications",
    "ready": "says nothing of applications",
    "metrics": "counts by route template: test_metrics_have_no_label_of_a_client",
    "openapi": "is the same for everybody",
    "docs": "is the same for everybody",
    "docs_style": "is the same for everybody",
}
"""Operations without a token in their path, and why they tell nobody about another's application."""


class Ids(NamedTuple):
    """What is put into a path, where it has such a part."""

    token: str
    chat: object = 1
    number: object = 1


class Call(NamedTuple):
    """A method, a path below the root with ``{token}``, ``{chat}`` and ``{number}`` in it, and a good body."""

    method: str
    path: str
    body: object
    operation: Operation

    def send(self, client: Client, ids: Ids, *, more: str = "", headers: Headers = ()) -> Answer:
        """Ask for these."""
        target = self.path
        for name, value in ids._asdict().items():
            target = target.replace(f"{{{name}}}", str(value))
        return client.json(self.method, target + more, self.body, headers)


def crossings() -> dict[str, Call]:
    """Give all calls on an application and what lies below, in both spellings, by method and path."""
    return {
        f"{method} {prefix}{operation.path}{query}": Call(
            method, f"{prefix}{operation.path}{query}", json.loads(operation.example or "null"), operation
        )
        for operation in OPERATIONS
        if operation.name not in OF_NOBODY
        for method in (*operation.methods, *(["HEAD"] if "GET" in operation.methods else []))
        for prefix in PREFIXES
        for query in QUERIES[operation.query]
    }


CROSSINGS: Final = crossings()
CHATS: Final = [name for name, call in CROSSINGS.items() if "{chat}" in call.path]
MESSAGES: Final = [name for name, call in CROSSINGS.items() if "{number}" in call.path]
READS: Final = [name for name, call in CROSSINGS.items() if call.method == "GET"]
KEYED: Final = [name for name, call in CROSSINGS.items() if "Idempotency-Key" in call.operation.headers]
