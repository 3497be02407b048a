"""A backup's folder: whole under its name, or not there."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from parley.database.copying import sync
from parley.domain.errors import ConfigurationError

_FOLDER_MODE: Final = 0o700
_SUFFIX: Final = ".unfinished-backup"


def refuse_present(target: Path) -> None:
    """Refuse to write over anything.

    Raises:
        ConfigurationError: something has the name, or its folder is not there.
    """
    if target.exists() or target.is_symlink():
        raise ConfigurationError(f"{target} is there already: name a folder that is not, one for each backup")
    if not target.absolute().parent.is_dir():
        raise ConfigurationError(f"there is no folder {target.absolute().parent} to make the backup in")


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """Give a folder that gets its name, durably, once all inside is done; a failure leaves nothing.

    What killed processes left beside it goes first, whatever its name was to be: each may be as large as a database.

    Raises:
        ConfigurationError: another process is making the same backup.
    """
    target = target.absolute()
    folder = target.with_name(f".{target.name}{_SUFFIX}")
    before = os.umask(0o077)
    try:
        for left in target.parent.glob(f".*{_SUFFIX}"):
            _remove_unowned(left)
        folder.mkdir(exist_ok=True)
        folder.chmod(_FOLDER_MODE)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if not _own(descriptor):
                raise ConfigurationError(f"another process is making the backup {target}")
            for left in folder.iterdir():
                left.unlink()
            try:
                yield folder
                for file in (*folder.iterdir(), folder):
                    sync(file)
                folder.rename(target)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            sync(target.parent)
        finally:
            os.close(descriptor)
    finally:
        os.umask(before)


def _own(descriptor: int) -> bool:
    """Hold a folder until it is closed, or the process dies; tell whether nobody else does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_unowned(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _own(descriptor):
            shutil.rmtree(folder)
    finally:
        os.close(descriptor)
