"""A file of JSON lines that is only ever appended to, and survives being cut anywhere."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from parley.domain.errors import ParleyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LineFile:
    """Whole lines: a last line that a crash has torn is cut off by `recover` and overwritten."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, for one process at a time.

        Raises:
            ParleyError: it cannot be written, or another import holds it.
        """
        self.path = path
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0)
        except OSError as error:
            raise ParleyError(f"cannot write {path}: {error.strerror}", code="unwritable") from error
        if not path.is_file():
            self._file.close()
            raise ParleyError(f"{path} is not a regular file", code="unwritable")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise ParleyError(f"another import is writing {path}", code="locked") from error

    def recover(self) -> Iterator[bytes]:
        """Give every whole line; once all are read, cut off a torn one."""
        whole = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                yield line
        self._file.truncate(whole)

    def append(self, lines: bytes) -> None:
        """Write whole lines to the operating system, so that they outlive this process."""
        view = memoryview(lines)
        while view:
            view = view[self._file.write(view) :]

    def clear(self) -> None:
        """Start anew."""
        self._file.truncate(0)

    def sync(self) -> None:
        """Wait until what was appended is on the disk."""
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Let other processes in."""
        self._file.close()
