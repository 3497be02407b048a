"""Creates a second on embedded SQLite, every check and the index on, beside its own generator.

    .venv/bin/python benchmarks/creates.py [--rounds 5] [--seconds 6]

Closed loop by wrk, 64 keep-alive connections, chats 1-100 of one application. Rounds alternate; medians and
ranges are printed. A round in which an answer was not 2xx is no figure and stops the run.
"""

from __future__ import annotations

import argparse
import secrets
from collections import defaultdict
from collections.abc import Callable
from statistics import median

from product import Product
from rich.console import Console
from rich.table import Table
from wrk import CREATE, Result, run

BULK = 100


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    options = parser.parse_args()
    taken: dict[str, list[tuple[Result, float, float]]] = defaultdict(list)
    with Product() as product:
        idle = product.memory_mb()
        token = product.new_application(100)
        for _ in range(options.rounds):
            for name, work in works(product, token, options.seconds).items():
                before = product.cpu_s()
                result = work()
                if result.errors:
                    raise SystemExit(f"{name}: {result.errors} answers were not 2xx")
                cpu_us = (product.cpu_s() - before) / result.requests * 1e6
                taken[name].append((result, cpu_us, product.metric("parley_index_lag_ms")))
                product.await_index()
        loaded = product.memory_mb()
    report(taken, f"memory: {idle:.0f} MB idle, {loaded:.0f} MB at the end")


def works(product: Product, token: str, seconds: int) -> dict[str, Callable[[], Result]]:
    """Give what is measured, by name."""

    def create(url: str, keys: str, size: int) -> Callable[[], Result]:
        return lambda: run(url, seconds, CREATE, keys, token, str(size), secrets.token_hex(8))

    return {
        "write service, no keys": create(product.write, "none", 1),
        "write service, all keys": create(product.write, "keys", 1),
        "full API, no keys": create(product.api, "none", 1),
        f"write service, bulk of {BULK}": create(product.write, "none", BULK),
    }


def report(taken: dict[str, list[tuple[Result, float, float]]], note: str) -> None:
    """Print medians and ranges."""
    table = Table(title="Creates, embedded, synchronous=FULL, index on, 64 connections")
    for column in ("", "requests/s", "range", "messages/s", "p50 ms", "p99 ms", "CPU us/request", "index lag ms"):
        table.add_column(column, justify="right" if column else "left")
    for name, rounds in taken.items():
        rates = [result.requests_per_s for result, _, _ in rounds]
        size = BULK if "bulk" in name else 1
        table.add_row(
            name,
            f"{median(rates):,.0f}",
            f"{min(rates):,.0f}-{max(rates):,.0f}",
            f"{median(rates) * size:,.0f}",
            f"{median(result.p50 for result, _, _ in rounds):.1f}",
            f"{median(result.p99 for result, _, _ in rounds):.1f}",
            f"{median(cpu for _, cpu, _ in rounds):.0f}",
            f"{median(lag for _, _, lag in rounds):.0f}",
        )
    Console(width=140).print(table, note)


if __name__ == "__main__":
    main()
