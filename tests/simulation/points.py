"""The places at which a schedule breaks something, by name: each is met by some schedule of every thousand."""

from __future__ import annotations

from typing import Final

WRITER: Final = ("writer before send", "writer after send, before reply", "writer with numbers granted, not told")
LOG_WRITE: Final = ("log after write, before reply: kept", "log after write, before reply: lost")
WORKER: Final = (
    "worker after read, before apply",
    "worker inside apply",
    "worker after commit, before trim",
    "worker with numbers granted, not told",
)
LIFE: Final = (
    "worker between seal and open_life",
    "worker between open_life and open",
    "worker between open and the scripts",
    "worker after open",
)
LEASE: Final = "lease lost while applying"
ENGINE: Final = (
    "log restarted, intact",
    "log restarted, tail lost",
    "log flushed",
    "log put back to an old state",
)
STANDBY: Final = (
    "worker between stand_by and return",
    "writer inside the standby's transaction",
    "log away, standby serves",
)
DATABASE: Final = "database away"
OTHER: Final = ("clock jumped", "process paused")

CRASHES: Final = (*WRITER, *LOG_WRITE, *WORKER, *LIFE, LEASE, *ENGINE, *STANDBY, DATABASE)
FATES: Final = ("request lost", "reply lost", "slow", "commit failed", "commit unanswered", "deadlock")
ALL: Final = (*CRASHES, *OTHER, *FATES)
