"""One application of a server under test, and short words for what a client does with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.support.client import Answer, Client
from tests.support.polling import wait_for

APPLICATIONS = "/api/v1/chat_applications"
ALIAS = "/api/v1/applications"
UNKNOWN_TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of nobody


class Tenant:
    """An application that was just created through the full API."""

    def __init__(self, api: Client, name: str = "tenant") -> None:
        """Create it."""
        self.api = api
        self.token: str = expect(api.json("POST", APPLICATIONS, {"name": name}), 201)["token"]
        self.path = f"{APPLICATIONS}/{self.token}"

    def create_chat(self, title: str | None = None) -> str:
        """Create a chat and give its path."""
        body = None if title is None else {"title": title}
        return f"{self.path}/chats/{expect(self.api.json('POST', f'{self.path}/chats', body), 201)['number']}"

    def post(self, chat: str, body: str, **fields: object) -> int:
        """Create a message in the chat of this path and give its number."""
        number: int = expect(self.api.json("POST", f"{chat}/messages", {"body": body, **fields}), 201)["number"]
        return number

    def post_many(self, chat: str, bodies: list[str]) -> list[int]:
        """Create messages in bulks and give their numbers."""
        numbers: list[int] = []
        for start in range(0, len(bodies), 1000):
            part = [{"body": body} for body in bodies[start : start + 1000]]
            numbers += expect(self.api.json("POST", f"{chat}/messages/bulk", {"messages": part}), 201)["numbers"]
        return numbers

    def search(self, chat: str, text: str, more: str = "") -> list[int]:
        """Search now and give the numbers of the page."""
        target = f"{chat}/messages/search?q={quote(text, safe='')}{more}"
        return [row["number"] for row in expect(self.api.get(target), 200)]

    def wait_until_found(self, chat: str, text: str, numbers: list[int], more: str = "", timeout_s: float = 10) -> None:
        """Wait until a search gives exactly these; an index that is being built may answer 503 meanwhile."""
        target = f"{chat}/messages/search?q={quote(text, safe='')}{more}"

        def is_found() -> bool:
            answer = self.api.get(target)
            if answer.status == 503:
                assert answer.header("Retry-After"), answer
                return False
            return [row["number"] for row in expect(answer, 200)] == numbers

        wait_for(is_found, f"{text!r} is found in {numbers}", timeout_s)

    def wait_until_indexed(self, chat: str, timeout_s: float = 10) -> None:
        """Post a message of its own and wait until it is found: everything before it is indexed too."""
        number = self.post(chat, "indexed up to here")
        self.wait_until_found(chat, "indexed up to here", [number], f"&after={number - 1}", timeout_s)


def expect(answer: Answer, status: int) -> Any:  # noqa: ANN401 - whatever JSON the server sent
    """Give the JSON of an answer that must have this status."""
    assert answer.status == status, (answer.status, answer.body[:500])
    return answer.json() if answer.body else None
