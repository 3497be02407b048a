"""What a person at the terminal is told once a command answers."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from parley.bootstrap.process import Roles
from parley.bootstrap.sockets import Sockets
from parley.config import Settings, mask

Lines = Iterable[tuple[str, str]]


def announce_roles(settings: Settings, roles: Roles, sockets: Sockets) -> None:
    """Say where one process answers, and what to try first."""
    api = None if sockets.api is None else address_of(sockets.api)
    write = None if sockets.write is None else address_of(sockets.write)
    probes = next(address_of(each) for each in (sockets.api, sockets.write, sockets.admin) if each is not None)
    lines = [("Full API", f"http://{api}")] if api else []
    lines += [("Write service", f"http://{write}")] if write else []
    lines += [("Documentation", f"http://{api}/docs")] if api else []
    lines += [("Jobs", ", ".join(roles.jobs))] if roles.jobs and not (api or write) else []
    lines += [("Health, metrics", f"http://{probes}/health  http://{probes}/metrics"), *_data(settings)]
    print_places(lines, _first_application(settings, api) if api else _first_message(write) if write else ())


def announce_shared(settings: Settings, services: Sequence[socket.socket], admin: socket.socket) -> None:
    """Say where several write processes answer, and how they are replaced."""
    write, probes = address_of(services[0]), address_of(admin)
    lines = [
        ("Write service", f"http://{write}"),
        ("Processes", f"{len(services)}; kill -HUP replaces them one by one"),
        ("Health, metrics", f"http://{probes}/health  http://{probes}/metrics"),
        *_data(settings),
    ]
    print_places(lines, _first_message(write))


def print_places(lines: Lines, try_it: Sequence[str]) -> None:
    """Print names and places, then commands to try."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text("Parley is ready.", style="bold green"))
    for name, place in lines:
        console.print(f"  {name:<16}", end="")
        console.print(place, markup=False)
    if try_it:
        console.print("Try it:")
    for command in try_it:
        console.print(f"  {command}", markup=False)
    console.print("Ctrl-C stops it.")
    sys.stdout.flush()


def address_of(bound: socket.socket) -> str:
    """Write where a socket listens."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _data(settings: Settings) -> Lines:
    if settings.database_url.startswith("sqlite:"):
        return [("Data", str(settings.data_dir))]
    return [("Database", mask(settings.database_url)), ("Log", mask(settings.log_url))]


def _first_application(settings: Settings, api: str) -> Sequence[str]:
    admin = "" if settings.admin_token is None else ' -H "Authorization: Bearer $PARLEY_ADMIN_TOKEN"'
    return [_curl(f"http://{api}/api/v1/applications{admin}", '{"name": "My first application"}')]


def _first_message(write: str) -> Sequence[str]:
    return [_curl(f"http://{write}/api/v1/applications/$TOKEN/chats/1/messages", '{"body": "hi"}')]


def _curl(where: str, body: str) -> str:
    return f"curl -s {where} -H 'Content-Type: application/json' -d '{body}'"
