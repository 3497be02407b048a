"""One state of a file, held still for a reader while others write on."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from parley.database.session import File, Session, connect
from parley.domain.errors import ConfigurationError


def open_snapshot(file: File, queries: Mapping[str, str]) -> Session:
    """Open a file for reading; everything that the session reads is the state of its first read.

    Raises:
        ConfigurationError: the file cannot be read, or is no database.
    """
    session = connect(file, queries, read_only=True)
    try:
        session.execute("begin").fetchall()
        session.execute("pragma schema_version").fetchall()
    except apsw.Error as error:
        session.close()
        raise ConfigurationError(f"cannot read the database {file.path}: {error}") from error
    return session
