"""The embedded profile: one process, two files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

import apsw

from parley.verify.history import Source
from tests.faults.builds.build import environment
from tests.faults.client import Door, Doors
from tests.faults.disks import small_disk
from tests.faults.site import Needs, Profile
from tests.faults.stored import SQLITE, StoredChat, read_stored, sqlite_rows
from tests.support.server import Server, parley_command

_COMMAND_S: Final = 120


class EmbeddedSite:
    """One `parley serve` on files of its own."""

    profile: Profile = "embedded"
    sources: tuple[Source, ...] = ("pages", "singles", "sql", "index")

    def __init__(self, folder: Path, needs: Needs) -> None:
        """Take an empty folder, and what the fault needs."""
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = folder / "clock"
        self.clock.write_text("0")
        self._env = dict(needs.env)
        self.server = Server(
            folder / "parley", env={**self._env, **environment(needs.build), "FAULTS_CLOCK": str(self.clock)}
        )
        self._small = needs.small_disks
        self._stack = ExitStack()
        self.doors = Doors([Door("api", self.server.api_url)], [Door("write", self.server.write_url)])

    def __enter__(self) -> Self:
        """Start it."""
        with ExitStack() as stack:
            if "data" in self._small:
                stack.enter_context(small_disk(self.server.data_dir, self._small["data"]))
            stack.enter_context(self.server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop it."""
        self._stack.close()

    def pids(self) -> list[int]:
        """Give the one process."""
        assert self.server.process is not None
        return [self.server.process.pid]

    def settings(self) -> dict[str, str]:
        """Give what was set besides the defaults."""
        return self._env

    def heal(self) -> None:
        """Start it, if it does not run."""
        if not self.server.is_running():
            self.server.start()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of Parley's commands on the files."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        return subprocess.run(
            [*parley_command(), *arguments],
            env={**outside, **self._env, "PARLEY_DATA_DIR": str(self.server.data_dir)},
            capture_output=True, text=True, timeout=_COMMAND_S, check=False,
        )  # fmt: skip

    def stored(self, token: str) -> Iterator[StoredChat]:
        """Read the database's file."""
        return read_stored(sqlite_rows(self.server.data_dir / "parley.db"), SQLITE, token)

    def indexed(self) -> set[tuple[int, int]]:
        """Read the index's file: one size a document."""
        (file,) = (path for path in self.server.data_dir.glob("*.db") if path.name != "parley.db")
        index = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return {(key >> 32, key & 0xFFFFFFFF) for (key,) in index.execute("select id from body_docsize")}
        finally:
            index.close()

    def log_text(self) -> str:
        """Give what the server wrote over all its lives."""
        return self.server.log_text()
