"""What the SQLite that we run on is, and whether it can do what we need."""

from __future__ import annotations

from typing import NamedTuple

import apsw


class Engine(NamedTuple):
    """The engine's version, and whether its trigram index finds text of any script."""

    version: str
    has_trigram: bool


def examine_engine() -> Engine:
    """Try the trigram index in memory."""
    connection = apsw.Connection(":memory:")
    try:
        connection.execute("create virtual table t using fts5 (x, tokenize = 'trigram case_sensitive 1')").fetchall()
        connection.execute("insert into t values ('на сцене 世界中')").fetchall()
        found = connection.execute("select count(*) from t where t match '\"сце\"'").fetchall()
        found += connection.execute("select count(*) from t where t match '\"世界中\"'").fetchall()
        return Engine(apsw.sqlite_lib_version(), all(row[0] == 1 for row in found))
    except apsw.Error:
        return Engine(apsw.sqlite_lib_version(), has_trigram=False)
    finally:
        connection.close()
