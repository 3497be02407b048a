"""What was answered stays true over a kill -9 and over a clean stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.server import Server
from tests.support.tenant import Tenant, expect

KEY = {"Idempotency-Key": "key-1"}


def _kill(server: Server) -> None:
    server.kill()


def _stop(server: Server) -> None:
    assert server.stop() == 0


@pytest.mark.parametrize("end", [_kill, _stop])
def test_nothing_answered_is_lost_by_a_restart(end: Callable[[Server], None], tmp_path: Path) -> None:
    """Objects, deletions, keys, numbers, counts and search are as before, on the same ports and folder."""
    with Server(tmp_path) as server, Client(server.api_url) as api, Client(server.write_url) as write:
        tenant = Tenant(api)
        chat = tenant.create_chat("Support")
        created = write.json("POST", f"{chat}/messages", {"body": "first needle", "metadata": {"b": 1e2}}, KEY)
        tenant.post_many(chat, [f"needle {n}" for n in range(60)])
        expect(api.json("PATCH", f"{chat}/messages/2", {"body": "edited needle"}), 200)
        expect(api.request("DELETE", f"{chat}/messages/61"), 204)
        reads = [tenant.path, f"{tenant.path}/chats", chat, f"{chat}/messages?limit=100", f"{chat}/messages/2"]
        before = [api.get(target) for target in reads]
        end(server)

        server.start()

        assert [(answer.status, answer.body) for answer in map(api.get, reads)] == [
            (200, answer.body) for answer in before
        ]
        assert api.get(f"{chat}/messages/61").status == 404
        for client in (api, write):
            repeat = client.json("POST", f"{chat}/messages", {"body": "first needle", "metadata": {"b": 1e2}}, KEY)
            assert (repeat.header("Idempotent-Replayed"), repeat.body) == ("true", created.body)
        assert tenant.post(chat, "after") == 62
        assert tenant.create_chat().endswith("/2")
        tenant.wait_until_found(chat, "needle", list(range(1, 61)), "&limit=100")
        assert "Traceback" not in server.log_text()
