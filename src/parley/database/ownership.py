"""One process owns an embedded database: an advisory lock on a file beside it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from parley.domain.errors import ConfigurationError

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class Ownership:
    """Held from `take` to `release`; the kernel lets go when the process dies, however it dies."""

    def __init__(self, descriptor: int) -> None:
        """Wrap the open, locked lock file."""
        self._descriptor = descriptor

    @classmethod
    def take(cls, database: Path) -> Ownership:
        """Lock ``<database>.lock``, making the folder if it is missing.

        Raises:
            ConfigurationError: another process holds it, or the folder cannot be written.
        """
        lock = database.with_name(database.name + ".lock")
        try:
            lock.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write to the data folder {lock.parent}: {error.strerror}; "
                "choose another with --data-dir or PARLEY_DATA_DIR"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise ConfigurationError(
                f"the data folder {lock.parent} is in use by process {owner or 'unknown'}; "
                "stop it, or choose another with --data-dir or PARLEY_DATA_DIR"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let another process own the database."""
        os.close(self._descriptor)


def owner_of(database: Path) -> str | None:
    """Give the process id of the owner of ``database``, ``unknown`` if it left none; ``None`` if nobody owns it."""
    lock = database.with_name(database.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return None
