"""A real MariaDB, or MySQL in its place, that syncs its redo log and its binary log at every commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import ClassVar

from tests.support.engines.cache import unpacked
from tests.support.engines.chosen import chosen
from tests.support.engines.process import HOST, Engine, program

CHOICE = chosen("mariadb", "mysql")
USER = "parley"
PASSWORD = "pa55-of-the-tests"  # noqa: S105 - of a server that lives as long as a test
_PACKAGE = "mariadb-server"


class MariaDbServer(Engine):
    """One server on a loopback port, with a user who may do everything to the databases ``parley…`` only."""

    name: ClassVar[str] = "mariadb"
    start_timeout_s: ClassVar[float] = 60.0

    def url(self, database: str) -> str:
        """Give the address of a database, as `PARLEY_DATABASE_URL` takes it."""
        return f"mysql://{USER}:{PASSWORD}@{HOST}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database, its name beginning with ``parley``, and give its URL."""
        self.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        return self.url(name)

    def run(self, statements: str, database: str = "") -> list[list[str]]:
        """Run statements as the user, behind the application's back, and give the rows as texts.

        Raises:
            AssertionError: the server refused; the text has its reason.
        """
        return _ask(["--host", HOST, "--port", str(self.port), "--user", USER, "--database", database], statements)

    def run_as_root(self, statements: str, *, goes_on: bool = False) -> list[list[str]]:
        """Run what the user may not, as `run` does; it ``goes_on`` after a statement that failed."""
        where = ["--socket", str(self.folder / "data" / "mariadb.sock"), "--user", "root"]
        return _ask(where, statements, goes_on=goes_on)

    def version(self) -> str:
        """Give what it says that it is."""
        ((version,),) = self.run("SELECT @@version")
        return f"{'MariaDB' if 'MariaDB' in version else 'MySQL'} {version}"

    def prepare(self) -> None:
        """Make the data folder, unless an earlier server made it, and what gives the user at every start."""
        (self.folder / "user.sql").write_text(
            f"CREATE USER IF NOT EXISTS `{USER}`@`{HOST}` IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON `{USER}%`.* TO `{USER}`@`{HOST}`;\n"
        )
        if (self.folder / "data").exists():
            return
        install = _mysql_install(self.folder) if CHOICE.product == "mysql" else _mariadb_install(self.folder)
        scratch = {**os.environ, "TMPDIR": str(self.folder)}  # two installations in one folder take each other's files
        done = subprocess.run(install, env=scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, done.stdout.decode("utf-8", "replace")

    def command(self) -> list[str]:
        """Give the command, with the settings that keep a committed transaction."""
        return [
            *_server_program(), f"--datadir={self.folder}/data", f"--port={self.port}", f"--bind-address={HOST}",
            "--socket=mariadb.sock", "--skip-name-resolve", *_as_root(),
            f"--tmpdir={self.folder}",
            f"--init-file={self.folder}/user.sql", "--character-set-server=utf8mb4", "--max-connections=200",
            "--innodb-flush-log-at-trx-commit=1", "--log-bin=binlog", "--server-id=1", "--sync-binlog=1", *self.options,
        ]  # fmt: skip

    def is_ready(self) -> bool:
        """Tell whether this process listens, and its user is there."""
        return "ready for connections" in self._this_life()


def _ask(where: list[str], statements: str, *, goes_on: bool = False) -> list[list[str]]:
    client = [
        program("mariadb", "mariadb-client"), "--no-defaults", "--batch", "--skip-column-names",
        "--default-character-set", "utf8mb4", *(["--force"] if goes_on else []), *where,
    ]  # fmt: skip
    environment = {**os.environ, "MYSQL_PWD": "" if "root" in where else PASSWORD}
    done = subprocess.run(client, env=environment, input=statements.encode(), capture_output=True, check=False)
    assert goes_on or done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return [line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines()]


def _server_program() -> list[str]:
    if CHOICE.product == "mariadb":
        return [program("mariadbd", _PACKAGE), "--no-defaults"]
    command = unpacked("usr/sbin/mysqld", "mysql-server-core", CHOICE.edition)
    return [
        *command,
        "--no-defaults",
        f"--basedir={Path(command[-1]).parents[1]}",
        "--mysqlx=OFF",
        "--secure-file-priv=NULL",
    ]


def _mariadb_install(folder: Path) -> list[str]:
    return [
        program("mariadb-install-db", _PACKAGE), "--no-defaults", f"--datadir={folder}/data",
        "--auth-root-authentication-method=normal", "--skip-test-db", *_as_root(),
    ]  # fmt: skip


def _mysql_install(folder: Path) -> list[str]:
    return [*_server_program(), "--initialize-insecure", f"--datadir={folder}/data", *_as_root()]


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []
