"""The applications and chats that a load goes to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

APPLICATIONS: Final = 100
CHATS: Final = 5
"""Of each application."""


class Caller:
    """One keep-alive connection for what is not measured."""

    def __init__(self, url: str) -> None:
        """Speak to the service at ``url``."""
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=60)

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Make one request that must succeed, and give the decoded answer."""
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, {} if body is None else {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{method} {path} was answered with {answer.status}: {text[:300]!r}")
        return json.loads(text) if answer.headers.get_content_type() == "application/json" else text.decode()

    def metric(self, name: str) -> float:
        """Give the sum of a metric over its labels; it is asked often beside a load, so nothing else is parsed."""
        text = self.call("GET", "/metrics")
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))


def make_tenants(api: str, write: str, applications: int = APPLICATIONS, chats: int = CHATS) -> list[str]:
    """Make applications with chats 1 to ``chats`` each, and give their tokens."""
    on_api, on_write = Caller(api), Caller(write)
    tokens: list[str] = [
        on_api.call("POST", "/api/v1/applications", {"name": "bench"})["token"] for _ in range(applications)
    ]
    for token in tokens:
        for _ in range(chats):
            on_write.call("POST", f"/api/v1/applications/{token}/chats", {})
    return tokens


def chat_paths(tokens: Sequence[str], chats: int = CHATS) -> list[str]:
    """Give the path of every chat, those of one application far from each other."""
    return [f"/api/v1/applications/{token}/chats/{chat + 1}" for chat in range(chats) for token in tokens]


def fill_chat(write: Caller, path: str, bodies: Sequence[str]) -> None:
    """Post bodies into one chat in one request."""
    write.call("POST", f"{path}/messages/bulk", {"messages": [{"body": body} for body in bodies]})
