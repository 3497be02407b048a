"""What the server is, and whether it can keep what is given to it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from parley.database.mysql.address import Address
from parley.database.mysql.errors import DeniedError, FailedError, LostError
from parley.database.mysql.session import Session
from parley.domain.errors import ConfigurationError

_OLDEST: Final = {"MySQL": (8, 0), "MariaDB": (10, 6)}
_PACKET_BYTES: Final = 16 * 1024 * 1024
_VARIABLES: Final = (
    "show variables where variable_name in "
    "('version', 'max_allowed_packet', 'log_bin', 'binlog_format', 'innodb_flush_log_at_trx_commit', 'sync_binlog')"
)
_COLLATION: Final = (
    "select default_character_set_name, default_collation_name "
    "from information_schema.schemata where schema_name = database()"
)


class Server(NamedTuple):
    """The server's product and version, and the settings that matter."""

    product: str
    version: tuple[int, int]
    variables: dict[str, str]
    character_set: str
    collation: str

    @property
    def is_synced(self) -> bool:
        """Whether a commit is on disk before it is answered, in the binary log too."""
        settings = self.variables
        has_log = settings.get("log_bin", "OFF").upper() == "ON"
        return settings.get("innodb_flush_log_at_trx_commit") == "1" and (
            not has_log or settings.get("sync_binlog") == "1"
        )

    def check(self, database: str) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigurationError: one sentence says what to change.
        """
        for complaint in (self._version(), self._packet(), self._binary_log(), self._collation(database)):
            if complaint:
                raise ConfigurationError(complaint)

    def _version(self) -> str:
        oldest = _OLDEST[self.product]
        if self.version >= oldest:
            return ""
        wanted = " or ".join(f"{product} {major}.{minor}" for product, (major, minor) in _OLDEST.items())
        return f"the database is {self.product} {self.version[0]}.{self.version[1]}; use {wanted}, or later"

    def _packet(self) -> str:
        size = int(self.variables["max_allowed_packet"])
        if size >= _PACKET_BYTES:
            return ""
        return f"the database has max_allowed_packet = {size}; set it to {_PACKET_BYTES} or more"

    def _binary_log(self) -> str:
        if self.variables.get("binlog_format", "ROW").upper() != "STATEMENT":
            return ""
        return "the database has binlog_format = STATEMENT; set it to ROW or MIXED"

    def _collation(self, database: str) -> str:
        if self.character_set == "utf8mb4" and self.collation.endswith("_bin"):
            return ""
        return (
            f"the database {database} has the collation {self.collation}; "
            f"ALTER DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )


async def examine_server(session: Session) -> Server:
    """Ask the server what it is."""
    rows = (await session.execute(_VARIABLES)).rows
    variables = {str(name).lower(): str(value) for name, value in rows}
    ((character_set, collation),) = (await session.execute(_COLLATION)).rows
    version = variables["version"]
    numbers = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", version)
    if numbers is None:
        raise ConfigurationError(f"the database calls itself {version!r}, which is neither MySQL nor MariaDB")
    product = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    return Server(product, (int(numbers[1]), int(numbers[2])), variables, str(character_set), str(collation))


def refusal(error: FailedError, address: Address) -> ConfigurationError:
    """Say why a start failed, and what to change."""
    if isinstance(error, LostError):
        return ConfigurationError(f"the database does not answer: {error.text}; is PARLEY_DATABASE_URL right?")
    if isinstance(error, DeniedError):
        return ConfigurationError(
            f"the database refuses its user: {error.text}; GRANT ALL ON `{address.database}`.* TO '{address.user}', "
            "or correct PARLEY_DATABASE_URL"
        )
    return ConfigurationError(f"the database cannot be used: {error.text}")
