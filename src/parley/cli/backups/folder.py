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

    One that a killed process left goes first.

    Raises:
        ConfigurationError: another process is making the same backup.
    """
    target = target.absolute()
    folder = target.with_name(f".{target.name}.unfinished")
    before = os.umask(0o077)
    try:
        folder.mkdir(exist_ok=True)
        folder.chmod(_FOLDER_MODE)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _own(descriptor, target)
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


def _own(descriptor: int, target: Path) -> None:
    """Hold the folder until it is closed, or the process dies."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigurationError(f"another process is making the backup {target}") from error
