"""Laid beside the next release as ``sitecustomize``: kills the process in the middle of a migration.

``DIES_AT``: how many statements on SQLite there are from the one that begins the first migration to the one that is not
run any more.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import apsw

_left = int(os.environ["DIES_AT"])
_is_migrating = False


def _count(_cursor: apsw.Cursor, statement: str, _bindings: Any) -> bool:  # noqa: ANN401 - whatever was bound
    global _is_migrating, _left  # noqa: PLW0603 - one process, one count
    _is_migrating = _is_migrating or statement == "begin immediate"
    if _is_migrating:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return True


def _watch(connection: apsw.Connection) -> None:
    connection.exec_trace = _count


apsw.connection_hooks.append(_watch)
