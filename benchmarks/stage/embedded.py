"""The embedded profile: one ``parley serve`` with everything on."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from benchmarks.stage.honesty import check, expect_rows
from benchmarks.stage.tenants import APPLICATIONS, CHATS, Caller, make_tenants
from benchmarks.suite.sample import Sample
from benchmarks.suite.target import Target
from parley.database.session import File, connect
from tests.support.polling import wait_for
from tests.support.server import Server, parley_command

_CAUGHT_UP_S = 600


class Embedded:
    """A process, its applications, and what was acknowledged so far."""

    def __init__(self, folder: Path, *flags: str, applications: int = APPLICATIONS, chats: int = CHATS) -> None:
        """Take a folder and further flags of ``parley serve``."""
        self._server = Server(folder, flags=flags)
        self._size = applications, chats
        self._known = 0

    def __enter__(self) -> Self:
        """Start it and make the applications."""
        self._server.start()
        self.api, self.write = self._server.api_url, self._server.write_url
        self.tokens = make_tenants(self.api, self.write, *self._size)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        self._server.__exit__(kind, error, at)

    def target(self, door: Literal["api", "write"] = "write") -> Target:
        """Give where a load goes; one process has both doors."""
        assert self._server.process is not None  # noqa: S101 - it was started
        return Target(self.api if door == "api" else self.write, self.tokens, {"service": self._server.process.pid})

    @property
    def lag_ms(self) -> float:
        """Give how far the index is behind."""
        return Caller(self.api).metric("parley_index_lag_ms")

    def settle(self, acknowledged: Sample | int) -> None:
        """Let the index catch up, then compare rows with answers and let ``parley check`` compare the rest.

        Raises:
            WrongError: something differs.
        """
        wait_for(lambda: self.lag_ms == 0, "the index has caught up", _CAUGHT_UP_S, every_s=0.1)
        with closing(connect(File(self._database), read_only=True)) as session:
            ((rows,),) = session.execute("select coalesce(sum(messages_count), 0) from chat").fetchall()
        stored = int(str(rows))
        expect_rows(stored - self._known, acknowledged)
        self._known = stored
        check(subprocess.run(
            [*parley_command(), "check", "--data-dir", str(self._database.parent)],
            capture_output=True, text=True, check=False,
        ))  # fmt: skip

    def settings(self) -> dict[str, str]:
        """Read what the product's own way to open its files sets on a connection."""
        told: dict[str, str] = {}
        for name, file in (("parley.db", File(self._database)), ("search.db", self._index)):
            with closing(connect(file)) as session:
                for pragma in ("synchronous", "journal_mode"):
                    told[f"{name} {pragma}"] = str(session.execute(f"pragma {pragma}").fetchall()[0][0])
        return told

    @property
    def _database(self) -> Path:
        return self._server.data_dir / "parley.db"

    @property
    def _index(self) -> File:
        return File(self._server.data_dir / "search.db", synchronous="normal")
