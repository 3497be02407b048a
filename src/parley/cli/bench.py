"""``parley bench``: how fast one's own deployment is, and whether it kept what it acknowledged."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import httpx
import msgspec
import uvloop
from cyclopts import Parameter, validators

from parley.cli.benching.book import Book
from parley.cli.benching.comparison import compare
from parley.cli.benching.mix import Mix
from parley.cli.benching.plan import Plan, services_of, strangers
from parley.cli.benching.report import Loop, Messages, Report
from parley.cli.benching.running import run_loops
from parley.cli.benching.shown import show
from parley.cli.benching.throwaway import Throwaway
from parley.cli.client import DEFAULT_URL, HEADERS, TIMEOUT, admin_headers, parse_url
from parley.cli.confirming import Yes, confirm
from parley.cli.signals import end_in_order
from parley.telemetry.clock import SystemClock

Percent = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=100))]


def _up_to(most: int) -> Parameter:
    return Parameter(validator=validators.Number(gte=1, lte=most))


def bench(  # noqa: PLR0913 - one a command-line option
    *,
    url: str = DEFAULT_URL,
    write_url: str | None = None,
    admin_token: Annotated[str | None, Parameter(env_var="PARLEY_ADMIN_TOKEN")] = None,
    seconds: Annotated[int, _up_to(300)] = 10,
    connections: Annotated[int, _up_to(500)] = 64,
    rate: Annotated[int | None, _up_to(200_000)] = None,
    reads: Percent = 0,
    keys: Percent = 0,
    size: Annotated[int, _up_to(65_535)] = 100,
    chats: Annotated[int, _up_to(1_000)] = 100,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    yes: Yes = False,
) -> int:
    """Measure a deployment: a closed loop for its ceiling, then an open loop for its latencies.

    Example: parley bench --write-url http://127.0.0.1:8080
    Example: parley bench --reads 80 --keys 100 --seconds 30
    Example: parley bench --url https://chat.example.org --rate 500 --yes --json

    It creates an application of its own, works in it, and deletes it, also after
    Ctrl-C. Afterwards it compares what was acknowledged with what the chats count.
    The exit status is 1 if an answer was an error, or if anything is missing.

    Latencies are those of the open loop, from the moment a request was due: a
    stall of the server is seen by all that came into it. The generator's own share
    of a core is shown; what it limits itself says nothing about the server.

    Args:
        url: Address of the full API.
        write_url: Address of the write service, for creating; the full API if not given.
        admin_token: Admin token; not needed on a loopback address without one.
        seconds: How long each of the two loops lasts, at most 300.
        connections: Connections, each with one request on the way, at most 500.
        rate: Requests a second of the open loop; 60 % of the ceiling if not given.
        reads: Percent of the requests that read: single messages and last pages of 50.
        keys: Percent of the creates that carry an Idempotency-Key.
        size: Bytes of a message's body, at most 65,535.
        chats: Chats that take turns, at most 1,000.
        as_json: Print one JSON object instead, for programs.
        yes: Load a host that is not this machine, without asking.
    """
    api = parse_url(url)
    plan = Plan(api, parse_url(write_url) if write_url else api, connections, seconds, rate, reads, keys, size, chats)
    others = strangers(plan)
    question = (
        f"{' and '.join(others)} is not this machine. Load it over {connections} connections for {2 * seconds} s, "
        "at first as fast as it answers?"
    )
    if others and not confirm(question, yes=yes):
        return 1
    end_in_order()
    report = _measure(plan, admin_headers(admin_token))
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode(report, enc_hook=str).decode()}\n")
    else:
        show(report)
    return 0 if report.ok else 1


def _measure(plan: Plan, admin: dict[str, str]) -> Report:
    """Run the loops in an application that is gone when the report is made."""
    started = datetime.fromtimestamp(SystemClock().now_ms() // 1000, UTC)
    book = Book(plan.chats)
    name = f"parley bench {started:%Y-%m-%d %H:%M:%SZ}"
    with (
        httpx.Client(base_url=plan.url, headers=HEADERS, timeout=TIMEOUT) as client,
        Throwaway(client, admin, name) as application,
    ):
        application.open_chats(plan.chats, plan.size, book, seeded=plan.reads > 0)
        services = services_of(plan)
        mix = Mix(plan, services, application.path, book)
        loops = uvloop.run(run_loops(plan, services, mix, book))
        sys.stderr.write(f"parley: comparing {book.total:,} acknowledged messages with the chats\n")
        messages = compare(application, book)
    return _report(plan, loops, messages, cleaned_up=application.is_deleted)


def _report(plan: Plan, loops: list[Loop], messages: Messages, *, cleaned_up: bool) -> Report:
    good = all(loop.answered and not loop.errors for loop in loops)
    return Report(plan, loops, messages, cleaned_up, ok=good and messages.complete and cleaned_up)
