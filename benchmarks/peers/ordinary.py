"""The write service as most would write it in Python: FastAPI, a pydantic model, redis-py, a round trip a command."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI, Response
from pydantic import BaseModel, Field
from redis.asyncio import BlockingConnectionPool, Redis

from benchmarks.peers.answer import flags

JOBS = "jobs"


class Message(BaseModel):
    """A message as a client sends it."""

    body: str = Field(min_length=1, max_length=65_535)
    sender: str | None = Field(None, max_length=255)
    metadata: dict[str, Any] | None = None


class Created(BaseModel):
    """A message as the answer shows it."""

    number: int
    body: str
    sender: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: str


def build(redis: Redis, durability: str) -> FastAPI:
    """Build the application."""
    app = FastAPI()

    @app.get("/health")
    async def health() -> None:
        """Be there."""

    @app.post("/api/v1/applications/{token}/chats/{chat}/messages", status_code=201, response_model_exclude_none=True)
    async def create_message(
        token: str, chat: int, message: Annotated[Message, Body(embed=True)], response: Response
    ) -> Created:
        """Take the chat's next number and leave the message for a worker."""
        began = time.perf_counter()
        number = await redis.incr(f"messages:{token}:{chat}")
        created_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        created = Created(number=number, created_at=created_at, **message.model_dump())
        await redis.lpush(JOBS, json.dumps({"token": token, "chat": chat, **created.model_dump()}))
        response.headers["Parley-Durability"] = durability
        response.headers["Location"] = f"/api/v1/applications/{token}/chats/{chat}/messages/{number}"
        response.headers["X-Request-Id"] = secrets.token_hex(7)
        response.headers["Server-Timing"] = f"app;dur={(time.perf_counter() - began) * 1000:.2f}"
        return created

    return app


if __name__ == "__main__":
    parser = flags(__doc__)
    parser.add_argument("--connections", type=int, default=64, help="how many connections to Redis are kept at most")
    told = parser.parse_args()
    host, port = told.redis.split(":")
    pool = BlockingConnectionPool(host=host, port=int(port), max_connections=told.connections, timeout=None)
    uvicorn.run(
        build(Redis(connection_pool=pool), told.durability), host="127.0.0.1", port=told.port, loop="uvloop",
        http="httptools", log_level="warning", access_log=False, server_header=False,
    )  # fmt: skip
