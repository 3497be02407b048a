"""Old states of a Redis: what is left of its data when a snapshot was put back, or when its file lost its end.

snapshot = take_snapshot(redis)
…
redis.kill()
put_back(redis, snapshot)
redis.start()
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from tests.support.engines.redis import RedisServer
from tests.support.polling import wait_for

_FILES = "appendonlydir"


def take_snapshot(server: RedisServer) -> Path:
    """Have the server write all that it knows, and keep that file apart: an RDB, as backups are."""
    with Redis(port=server.port) as client:
        client.save()
    kept = server.folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)  # an earlier one
    kept.mkdir()
    return (server.folder / "dump.rdb").rename(kept / "dump.rdb")


def put_back(server: RedisServer, snapshot: Path) -> None:
    """Replace all that a stopped server has by a snapshot.

    With ``appendonly yes`` a server looks at no RDB and begins empty where its append-only files are gone. So another
    one loads the snapshot without, is told to begin such files, and what it wrote is put where the first looks.
    """
    with RedisServer(snapshot.parent, aof="off") as loading, Redis(port=loading.port) as client:
        client.config_set("appendonly", "yes")
        wait_for(lambda: _has_written(client), "the snapshot is written as append-only files")
    shutil.rmtree(server.folder / _FILES)
    shutil.move(snapshot.parent / _FILES, server.folder / _FILES)


def cut_entries(server: RedisServer, count: int, *, torn: bytes = b"") -> None:
    """Take at least so many of a log's last entries off a stopped server's file, where an append begins.

    ``torn`` is what is left of the next one: the server lets go of that when it loads the file.
    """
    (file,) = (server.folder / _FILES).glob("*.incr.aof")
    raw = file.read_bytes()
    file.write_bytes(raw[: list(_entries(raw))[-count]] + torn)


def _has_written(client: Redis) -> bool:
    told = client.info("persistence")
    is_under_way = told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"]
    return bool(told["aof_enabled"] and not is_under_way and told["aof_last_bgrewrite_status"] == "ok")


def _entries(raw: bytes) -> Iterator[int]:
    """Give, for every entry that is written to a stream, where the transaction begins that it is part of."""
    began = 0
    for at, name in _commands(raw):
        if name == b"MULTI":
            began = at
        elif name == b"XADD":
            yield began


def _commands(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the place and the name of each command in a file."""
    at = 0
    while at < len(raw):
        began, words = at, []
        end = raw.index(b"\r\n", at)
        count, at = int(raw[at + 1 : end]), end + 2
        for _ in range(count):
            end = raw.index(b"\r\n", at)
            size, at = int(raw[at + 1 : end]), end + 2
            words.append(raw[at : at + size])
            at += size + 2
        yield began, words[0].upper()
