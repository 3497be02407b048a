"""The real servers: they start, keep what they acknowledged over a kill, hang when told, and never outlive the run."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import TimeoutError as NoAnswerError
from redis.retry import Retry

from tests.support.engines import Engines
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.process import HOST
from tests.support.engines.redis import RedisServer
from tests.support.polling import wait_for

ROOT = Path(__file__).parents[3]
CHILD = """
import sys
from pathlib import Path
from tests.support.engines.redis import RedisServer

server = RedisServer(Path(sys.argv[1]))
server.start()
print(server.port, flush=True)
sys.stdin.read()
"""


def connect(url: str) -> Redis:
    """Open a client that gives up at once."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=0.2, decode_responses=True)


def put_and_get(url: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a document to OpenSearch, or get one."""
    body = None if document is None else json.dumps(document).encode()
    request = Request(url, body, {"Content-Type": "application/json"}, method="PUT" if body else "GET")  # noqa: S310
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - a loopback address
        found: dict[str, Any] = json.load(answer)
    return found


def is_listening(port: int) -> bool:
    """Tell whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def test_an_engine_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """The kernel would kill it with that thread, and an event loop's threads end with the loop."""
    server = RedisServer(tmp_path)
    starting = threading.Thread(target=server.start)
    starting.start()
    starting.join()
    with Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as client:
        answers = [client.ping() for _ in range(100)]

    assert all(answers)
    assert server.is_running()
    server.stop()


def test_redis_keeps_a_key_when_it_is_killed(tmp_path: Path) -> None:
    """What was answered is there after SIGKILL, at the same address and on the socket."""
    with RedisServer(tmp_path / "redis") as server:
        with connect(server.url) as client:
            client.set("key", "value")
            wanted = {"appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
            settings = client.config_get(*wanted)

        server.restart()
        with connect(server.url) as over_tcp, connect(server.unix_url) as over_socket:
            kept = over_tcp.get("key"), over_socket.get("key")

        assert settings == wanted
        assert kept == ("value", "value")
        assert server.stop() == 0


def test_redis_hangs_while_it_is_paused(tmp_path: Path) -> None:
    """A paused server accepts and does not answer; one that is stopped while paused still ends well."""
    with RedisServer(tmp_path / "redis") as server, connect(server.url) as client:
        server.pause()
        with pytest.raises(NoAnswerError):
            client.ping()
        server.resume()

        assert client.ping()
        server.pause()
        assert server.stop() == 0
        with pytest.raises(NoConnectionError):
            client.ping()


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The error has the end of the log."""
    server = RedisServer(tmp_path / "redis", options=("--maxmemory-policy", "whatever"))

    with pytest.raises(AssertionError, match=r"redis ended while starting[\s\S]*maxmemory-policy"):
        server.start()
    assert not server.is_running()


def test_a_server_takes_another_port_only_before_its_first_life(tmp_path: Path) -> None:
    """A lost race for the port is run again; an address that was given out stays."""
    server = RedisServer(tmp_path / "redis")
    with socket.create_server((HOST, server.port)) as taken:
        server.start()
        assert server.port != taken.getsockname()[1]
    server.stop()

    with socket.create_server((HOST, server.port)), pytest.raises(AssertionError, match="in use"):
        server.start()


def test_a_server_ends_with_the_test_run_that_started_it(tmp_path: Path) -> None:
    """A killed test process leaves nothing behind."""
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        port = int(run.stdout.readline())
        assert is_listening(port)

        run.send_signal(signal.SIGKILL)

        wait_for(lambda: not is_listening(port), "the server is gone")


def test_mariadb_keeps_a_row_when_it_is_killed(tmp_path: Path) -> None:
    """What was committed is there after SIGKILL, at the same address, and every commit is synced."""
    with MariaDbServer(tmp_path / "mariadb") as server:
        server.create_database("parley_engines")
        server.run("CREATE TABLE kept (word TEXT); INSERT INTO kept VALUES ('naïve 💬')", "parley_engines")
        settings = server.run("SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin", "parley_engines")
        collation = server.run("SELECT @@collation_database", "parley_engines")

        server.restart()
        kept = server.run("SELECT word FROM kept", "parley_engines")

        assert settings == [["1", "1", "1"]]
        assert collation == [["utf8mb4_bin"]]
        assert kept == [["naïve 💬"]]
        assert server.stop() == 0


def test_the_user_of_mariadb_may_do_nothing_outside_the_databases_of_parley(tmp_path: Path) -> None:
    """A privilege that Parley does not document is missed here, not in production."""
    with MariaDbServer(tmp_path / "mariadb") as server:
        with pytest.raises(AssertionError, match="Access denied"):
            server.create_database("foreign")
        with pytest.raises(AssertionError, match="Access denied"):
            server.run("SET GLOBAL max_connections = 1")


def test_opensearch_keeps_a_document_when_it_is_killed(tmp_path: Path) -> None:
    """What was answered is there after SIGKILL, at the same address."""
    with OpenSearchServer(tmp_path / "opensearch") as server:
        banner = put_and_get(server.url)
        put_and_get(f"{server.url}/engines-index/_doc/1", {"body": "naïve 💬"})

        server.restart()
        kept = put_and_get(f"{server.url}/engines-index/_doc/1")

        assert banner["version"]["distribution"] == "opensearch"
        assert kept["_source"] == {"body": "naïve 💬"}


def test_the_shared_servers_start_when_they_are_asked_for(tmp_path: Path) -> None:
    """The same server for everybody, none that nobody wants, and all stopped at the end."""
    engines = Engines(tmp_path)

    server = engines.redis
    again = engines.redis
    others = [path.name for path in tmp_path.iterdir()]
    engines.stop()

    assert again is server
    assert others == ["redis"]
    assert not server.is_running()
