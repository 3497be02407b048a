"""``parley apps``: create and list applications."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import httpx
import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from parley.cli.client import (
    APPLICATIONS,
    DEFAULT_URL,
    HEADERS,
    PAGE_LIMIT,
    TIMEOUT,
    admin_headers,
    call,
    next_page,
    parse_url,
    read_answer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN_LENGTH = 32
_UNBROKEN = 1_000
"""Columns that the longest name, of 255 wide characters, fits: a pipe gets one line an application."""

apps = App(
    name="apps",
    help="Create and list applications. Example: parley apps create demo",
    help_format="plaintext",
)

Name = Annotated[str, Parameter(help="1 to 255 characters; the same name twice is two applications.")]
Url = Annotated[str, Parameter(help="Address of the full API.")]
AdminToken = Annotated[
    str | None,
    Parameter(env_var="PARLEY_ADMIN_TOKEN", help="Admin token; not needed on a loopback address without one."),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print the server's JSON instead.")]


class _Application(msgspec.Struct):
    name: str
    token: str
    chats_count: int
    created_at: str


@apps.command
def create(name: Name, /, *, url: Url = DEFAULT_URL, admin_token: AdminToken = None, as_json: Json = False) -> None:
    """Create an application and print its token, the credential for everything below it.

    Example: parley apps create demo --url http://127.0.0.1:3000
    """
    with _open(url, admin_token) as client:
        body = msgspec.json.encode({"name": name})
        answer = call(client, "POST", APPLICATIONS, content=body, headers={"Content-Type": "application/json"})
        created = read_answer(answer, _Application)
    if as_json:
        sys.stdout.write(f"{answer.text}\n")
        return
    target = shlex.quote(f"{client.base_url!s}".rstrip("/") + f"{APPLICATIONS}/{created.token}/chats")
    sys.stdout.write(
        f"{created.token}\n\nOpen its first chat:\n"
        f"  curl -X POST {target} -H 'Content-Type: application/json' -d '{{\"title\": \"general\"}}'\n"
    )


@apps.command(name="list")
def list_(*, url: Url = DEFAULT_URL, admin_token: AdminToken = None, as_json: Json = False) -> None:
    """List all applications in creation order, with their tokens.

    Example: parley apps list --json
    """
    with _open(url, admin_token) as client:
        pages = _pages(client)
        if as_json:
            objects = [item for page in pages for item in read_answer(page, list[msgspec.Raw])]
            sys.stdout.write(f"{msgspec.json.encode(objects).decode()}\n")
            return
        table = Table(
            Column("name", overflow="fold"),
            Column("token", no_wrap=True, min_width=TOKEN_LENGTH),
            Column("chats", justify="right"),
            Column("created", overflow="fold"),
        )
        for page in pages:
            for found in read_answer(page, list[_Application]):
                table.add_row(_visible(found.name), found.token, f"{found.chats_count:,}", found.created_at)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_UNBROKEN)
    console.print(table)


def _open(url: str, admin_token: str | None) -> httpx.Client:
    headers = {**HEADERS, **admin_headers(admin_token)}
    return httpx.Client(base_url=parse_url(url), headers=headers, timeout=TIMEOUT)


def _pages(client: httpx.Client) -> Iterator[httpx.Response]:
    path: str | None = f"{APPLICATIONS}?limit={PAGE_LIMIT}"
    while path is not None:
        answer = call(client, "GET", path)
        yield answer
        path = next_page(answer, path)


def _visible(name: str) -> Text:
    """Keep a name from moving the cursor or colouring the terminal."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name))
