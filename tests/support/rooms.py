"""A file to import and the commands that import and export it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support.commands import run_parley
from tests.support.replay import read_lines
from tests.support.server import Server


class Rooms:
    """A folder with a file of rooms to import, and the command line at one application."""

    def __init__(self, path: Path, server: Server, token: str) -> None:
        """Take an empty folder."""
        self.file = path / "rooms.jsonl"
        self.journal = path / "rooms.jsonl.parley-journal"
        self.rejected = path / "rooms.rejected.jsonl"
        self.exported = path / "exported.jsonl"
        self._server = server
        self._token = token

    def write(self, *records: object) -> None:
        """Write the file, ``bytes`` as they are and all else as a line of JSON."""
        lines = [each if isinstance(each, bytes) else json.dumps(each, ensure_ascii=False).encode() for each in records]
        self.file.write_bytes(b"\n".join([*lines, b""]))

    def command(self, name: str, *arguments: str | Path) -> list[str]:
        """Give a command's arguments that name the server and the application."""
        return [name, "--url", self._server.api_url, "--application", self._token, *map(str, arguments)]

    def run(self, name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return run_parley(*self.command(name, *arguments))

    def run_import(self, *arguments: str | Path) -> dict[str, int]:
        """Import the file to the end and give the summary's counts."""
        done = succeed(self.run("import", self.file, *arguments))
        return {what: int(count.replace(",", "")) for what, count in re.findall(r"│ (\w+) +│ +([\d,]+) │", done.stdout)}

    def run_export(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Export into a file and give its lines."""
        succeed(self.run("export", "--output", self.exported, *arguments))
        return read_lines(self.exported)


def succeed(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Give a command that must have ended well."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done
