"""First against last page of a long chat, memory and disk per message.

    .venv/bin/python benchmarks/reads.py [--messages 1000000] [--rounds 9] [--tail-max-bytes 0]

Fills one chat through the bulk route, then reads its first and its last page of 50 in alternating rounds over
one keep-alive connection, and prints the median of the rounds' p50 ratios. With ``--tail-max-bytes 0`` the last
page comes from the database as the first one does, else from memory.
"""

from __future__ import annotations

import argparse
import http.client
import json
import time
from statistics import median
from urllib.parse import urlsplit

from product import Product
from rich.console import Console
from rich.progress import track
from rich.table import Table

BULK = 1000
READS = 1000


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tail-max-bytes", default="67108864")
    options = parser.parse_args()
    console = Console(width=120)
    with Product("--tail-max-bytes", options.tail_max_bytes) as product:
        idle = product.memory_mb()
        token = product.new_application(1)
        fill(product, token, options.messages)
        caught_up = product.await_index()
        loaded = product.memory_mb()
        path = f"/api/v1/applications/{token}/chats/1/messages?limit=50"
        pages = {"first": path, "last": f"{path}&before={options.messages + 1}"}
        rounds = [{name: p50(product, page) for name, page in pages.items()} for _ in range(options.rounds)]
        files = {file.name: file.stat().st_size for file in product.folder.iterdir() if file.suffix == ".db"}
        product.stop()
        start_s = product.start()
    ratios = [times["last"] / times["first"] for times in rounds]
    table = Table(title=f"A chat of {options.messages:,} messages")
    table.add_column("")
    table.add_column("", justify="right")
    for name in pages:
        table.add_row(f"{name} page of 50, p50", f"{median(times[name] for times in rounds) * 1e6:,.0f} us")
    table.add_row("last / first, median of rounds", f"{median(ratios):.3f} ({min(ratios):.2f}-{max(ratios):.2f})")
    table.add_row("memory idle, and after", f"{idle:.0f} MB, {loaded:.0f} MB")
    for name, size in files.items():
        table.add_row(f"{name} per message", f"{size / options.messages:,.0f} bytes")
    table.add_row("index caught up after the last create", f"{caught_up:.1f} s")
    table.add_row("warm start", f"{start_s:.2f} s")
    console.print(table)


def fill(product: Product, token: str, messages: int) -> None:
    """Post the messages in bulks, each body another."""
    connection = _connect(product.write)
    path = f"/api/v1/applications/{token}/chats/1/messages/bulk"
    for start in track(range(0, messages, BULK), description="Filling"):
        numbers = range(start, start + BULK)
        bodies = [{"body": f"message {number} of this chat, about as long as people write them"} for number in numbers]
        connection.request("POST", path, json.dumps({"messages": bodies}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != http.client.CREATED:
            raise SystemExit(f"{answer.status}: {told.decode()}")


def p50(product: Product, path: str) -> float:
    """Give the median seconds of reading a page."""
    connection = _connect(product.api)
    taken = []
    for _ in range(READS):
        began = time.perf_counter()
        connection.request("GET", path)
        connection.getresponse().read()
        taken.append(time.perf_counter() - began)
    connection.close()
    return median(taken)


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port)


if __name__ == "__main__":
    main()
