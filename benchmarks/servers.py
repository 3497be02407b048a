"""Requests per second and CPU of an empty POST handler behind each HTTP server we could use.

    .venv/bin/python benchmarks/servers.py [--rounds 3] [--seconds 4] [--bare]

Needs wrk, and uv for uvicorn, which is no dependency of ours and runs in an environment of its own.
One run alternates between the servers, for only ratios within a run mean anything on a shared machine:

  wire       our protocol and an application that answers at once
  bridge     Litestar behind our protocol (the full API)
  uvicorn    Litestar behind uvicorn with uvloop and httptools, without an access log

With ``--bare`` the ASGI application is four lines instead of Litestar: what the servers themselves cost.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

SERVERS = ("wire", "bridge", "uvicorn")
CONNECTIONS = 64
PATH = "/api/v1/chat_applications/0123456789abcdef0123456789abcdef/chats/17/messages"
WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = '{"message": {"body": "hello, you"}}'
wrk.headers["Content-Type"] = "application/json"
"""
SOURCE = Path(__file__).parents[1] / "src"


class Round(NamedTuple):
    """What one server did in one round."""

    requests_per_s: float
    server_us: float
    p99_ms: float


def litestar() -> Any:  # noqa: ANN401 - an ASGI application
    """Build an application with one empty handler, so bare that both servers run the same."""
    from litestar import Litestar, Request, post  # noqa: PLC0415 - uvicorn's environment has nothing else of ours

    @post(PATH)
    async def create(request: Request[Any, Any, Any]) -> dict[str, int]:
        await request.body()
        return {"number": 1}

    return Litestar([create], openapi_config=None, logging_config=None)


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Answer every request the same."""
    del scope
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"12")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"number":1}'})


async def serve_ours(kind: str, application: Any) -> None:  # noqa: ANN401 - ASGI
    """Serve on a free port, and say which."""
    from parley.http.asgi import AsgiBridge  # noqa: PLC0415 - see above
    from parley.http.wire.limits import Limits  # noqa: PLC0415
    from parley.http.wire.listener import Listener, bind  # noqa: PLC0415
    from parley.http.wire.request import Request, numbered_ids  # noqa: PLC0415
    from parley.telemetry.clock import SystemClock  # noqa: PLC0415

    def at_once(request: Request) -> None:
        request.respond(201, [(b"Content-Type", b"application/json")], b'{"number":1}')

    listener = Listener(Limits(), SystemClock(), numbered_ids(secrets.token_hex(8)))
    bound = bind("127.0.0.1", 0)
    if kind == "wire":
        await listener.serve(bound, at_once)
    else:
        await listener.serve(bound, AsgiBridge(application), at_once=1)
    announce(bound.getsockname()[1])
    await asyncio.Event().wait()


def serve_uvicorn(application: Any) -> None:  # noqa: ANN401 - ASGI
    """Serve on a free port, and say which."""
    import socket  # noqa: PLC0415

    import uvicorn  # type: ignore[import-not-found]  # noqa: PLC0415

    bound = socket.create_server(("127.0.0.1", 0), backlog=2048)
    announce(bound.getsockname()[1])
    config = uvicorn.Config(application, loop="uvloop", http="httptools", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[bound])


def announce(port: int) -> None:
    """Tell the parent process where we are; ``uv run`` may stand between it and us.

    What is loaded by now is taken out of the garbage collector's sight, as `parley serve` does it.
    """
    gc.collect()
    gc.freeze()
    sys.stdout.write(f"{os.getpid()} {port}\n")
    sys.stdout.flush()


def command(server: str, flags: list[str]) -> list[str]:
    """Give the command that serves."""
    served = [__file__, "--serve", server, *flags]
    if server != "uvicorn":
        return [sys.executable, *served]
    pins = [f"{name}=={version(name)}" for name in ("litestar", "uvloop", "httptools", "msgspec")]
    wanted = [part for pin in ["uvicorn", *pins] for part in ("--with", pin)]
    uv = shutil.which("uv") or os.environ.get("UV", "uv")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [uv, "run", "--no-project", "--python", python, *wanted, "python", *served]


@contextmanager
def running(server: str, flags: list[str]) -> Iterator[tuple[int, int]]:
    """Run a server; give its process id and port."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)} if server != "uvicorn" else None
    process = subprocess.Popen(command(server, flags), stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - ours
    try:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        words = process.stdout.readline().split()
        if len(words) != 2:
            raise SystemExit(f"{server} did not start: {' '.join(command(server, flags))}")
        yield int(words[0]), int(words[1])
    finally:
        process.terminate()
        process.wait()


def cpu_s(pid: int) -> float:
    """Give the CPU seconds a process has used, from /proc."""
    spent = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")


def measure(server: str, flags: list[str], seconds: int, script: str) -> Round:
    """Warm a server up, load it, and read its CPU before and after."""
    with running(server, flags) as (pid, port):
        url = f"http://127.0.0.1:{port}{PATH}"
        wrk = ["wrk", "--latency", "-t1", f"-c{CONNECTIONS}", "-s", script, url]
        subprocess.run([*wrk, "-d1"], check=True, capture_output=True)  # noqa: S603 - ours
        before = cpu_s(pid)
        told = subprocess.run([*wrk, f"-d{seconds}"], check=True, capture_output=True, text=True).stdout  # noqa: S603
        spent = cpu_s(pid) - before
    requests = int(_found(r"(\d+) requests in", told))
    if not requests or "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(f"{server}:\n{told}")
    p99, unit = re.findall(r"99%\s+([\d.]+)(us|ms|s)", told)[0]
    p99_ms = float(p99) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return Round(float(_found(r"Requests/sec:\s+([\d.]+)", told)), spent / requests * 1e6, p99_ms)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said something else:\n{text}")
    return match[1]


def main() -> None:
    """Serve, if asked to; else measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument("--bare", action="store_true")
    chosen = parser.parse_args()
    application = bare if chosen.bare else litestar()
    if chosen.serve == "uvicorn":
        serve_uvicorn(application)
    elif chosen.serve:
        import uvloop  # noqa: PLC0415 - see above

        uvloop.run(serve_ours(chosen.serve, application))
    else:
        compare(chosen.servers, ["--bare"] if chosen.bare else [], chosen.rounds, chosen.seconds)


def compare(servers: list[str], flags: list[str], rounds: int, seconds: int) -> None:
    """Measure in alternating rounds and print a line a round and the medians."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    results: dict[str, list[Round]] = {server: [] for server in servers}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT)
        script.flush()
        for number in range(rounds):
            for server in servers:
                results[server].append(measure(server, flags, seconds, script.name))
                one = results[server][-1]
                report(f"round {number + 1}", server, one)
    for server, measured in results.items():
        report("median ", server, Round(*(median(column) for column in zip(*measured, strict=True))))


def report(which: str, server: str, one: Round) -> None:
    """Print a line of the table."""
    print(f"{which}  {server:8}{one.requests_per_s:9,.0f}/s{one.server_us:8.1f} us{one.p99_ms:9.2f} ms p99")


if __name__ == "__main__":
    main()
