"""A power cut for SQLite: an apsw VFS whose files forget every write that no sync followed.

``kill -9`` never tests a sync, because the page cache survives it. Here SQLite reads its own
writes from memory, and only what an ``xSync`` followed counts as being on the disk. Locks and
shared memory stay those of the inherited VFS, so any number of connections and threads may work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import apsw

KEPT_FLAGS = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL


class Write(NamedTuple):
    """Bytes that SQLite wrote at an offset; ``data`` is ``None`` where it cut the file off there."""

    offset: int
    data: bytes | None


Survivors = Callable[[Random, Sequence[Write]], list[Write]]
"""Which of a file's unsynced writes reached the disk before the power went."""


def keep_nothing(_rng: Random, _unsynced: Sequence[Write]) -> list[Write]:
    """Lose every write that no sync followed."""
    return []


def keep_prefix(rng: Random, unsynced: Sequence[Write]) -> list[Write]:
    """Keep the oldest writes up to a random point, the last of them torn."""
    kept = list(unsynced[: rng.randint(0, len(unsynced))])
    if kept and kept[-1].data is not None:
        kept[-1] = Write(kept[-1].offset, kept[-1].data[: rng.randint(0, len(kept[-1].data))])
    return kept


def keep_some(rng: Random, unsynced: Sequence[Write]) -> list[Write]:
    """Keep a random choice of the writes, as a drive that reorders its cache would."""
    return [write for write in unsynced if rng.getrandbits(1)]


class _File:
    """One path: what SQLite sees, what is on the disk, and the writes between the two."""

    def __init__(self, content: bytes | None) -> None:
        """Start from what the disk holds, ``None`` if the path is new."""
        self.seen = bytearray(content or b"")
        self.disk = None if content is None else bytearray(content)
        self.unsynced: list[Write] = []

    def write(self, write: Write) -> None:
        """Let SQLite see the write; the disk has it not yet."""
        _apply(self.seen, write)
        self.unsynced.append(write)

    def sync(self) -> None:
        """Bring the disk up to date."""
        self.disk = self._with(self.unsynced)
        self.unsynced = []

    def after_power_cut(self, survivors: Survivors, rng: Random) -> bytes | None:
        """Give the content that a restarted machine would find, ``None`` if no file."""
        kept = survivors(rng, self.unsynced)
        return None if self.disk is None and not kept else bytes(self._with(kept))

    def _with(self, writes: Sequence[Write]) -> bytearray:
        content = bytearray(self.disk or b"")
        for write in writes:
            _apply(content, write)
        return content


def _apply(content: bytearray, write: Write) -> None:
    """Do to the content what SQLite asked for."""
    if write.data is None:
        del content[write.offset :]
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.data)] = write.data


class PowerCutVfs(apsw.VFS):
    """A VFS that can say at any moment what the disk would hold if the power went now.

    ``before_operation`` is called before every ``write``, ``sync`` and ``delete``, with the files
    standing still, in the thread that SQLite works in. What it raises becomes SQLite's error; when
    a sync fails, the disk never gets what it was for, as kernels forget it then.
    """

    def __init__(self, name: str, before_operation: Callable[[str], None]) -> None:
        """Register under ``name``, which a connection then names as its ``vfs``."""
        super().__init__(name, "")
        self.name = name
        self.syncs = 0
        self._before_operation = before_operation
        self._files: dict[str, _File] = {}
        self._deleted: dict[str, _File] = {}
        self._lock = threading.RLock()

    def power_cut(self, survivors: Survivors, rng: Random, folder: Path) -> None:
        """Write into ``folder`` the files that a power cut at this moment would leave."""
        with self._lock:
            folder.mkdir(parents=True)
            for path, file in [*self._deleted.items(), *self._files.items()]:
                content = file.after_power_cut(survivors, rng)
                if content is not None:
                    (folder / Path(path).name).write_bytes(content)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        """Open databases, journals and write-ahead logs here, scratch files in the inherited VFS."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None or not flags[0] & KEPT_FLAGS:
            return apsw.VFSFile("", name, flags)
        with self._lock:
            if path not in self._files:
                self._files[path] = _File(Path(path).read_bytes() if Path(path).exists() else None)
            return _OpenFile(self, path, name, flags)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        """Answer for the files kept here; the inherited VFS takes an empty file for an absent one."""
        with self._lock:
            if pathname in self._files and flags == apsw.SQLITE_ACCESS_EXISTS:
                return bool(self._files[pathname].seen)
        return super().xAccess(pathname, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        """Delete a file; until its folder is synced, a power cut brings it back."""
        with self._lock:
            self._before_operation("delete")
            super().xDelete(filename, syncdir)
            if filename in self._files:
                self._deleted[filename] = self._files.pop(filename)
            if syncdir:
                self._deleted.clear()

    def change(self, path: str, write: Write) -> None:
        """Write to the file, unsynced."""
        with self._lock:
            self._before_operation("write")
            self._files[path].write(write)

    def sync(self, path: str, *, folder: bool) -> None:
        """Bring the file to the disk, and its folder if asked."""
        with self._lock:
            try:
                self._before_operation("sync")
            except apsw.Error:
                self._files[path].unsynced = []
                raise
            self._files[path].sync()
            self.syncs += 1
            if folder:
                self._deleted.clear()

    def read(self, path: str, amount: int, offset: int) -> bytes:
        """Read what SQLite sees, synced or not."""
        with self._lock:
            return bytes(self._files[path].seen[offset : offset + amount])

    def size(self, path: str) -> int:
        """Give the file's length as SQLite sees it."""
        with self._lock:
            return len(self._files[path].seen)


class _OpenFile(apsw.VFSFile):
    """An open file of a `PowerCutVfs`: content there, locks and shared memory inherited."""

    def __init__(self, vfs: PowerCutVfs, path: str, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        """Open the real file too, which carries the locks and never any content.

        It is opened for writing even for a reader, whose failed attempts at exclusive locks SQLite
        ignores and apsw raises.
        """
        super().__init__("", name, [flags[0] & ~apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_READWRITE, flags[1]])
        flags[1] = flags[0]
        self._vfs = vfs
        self._path = path
        self._folder_unsynced = not flags[0] & apsw.SQLITE_OPEN_MAIN_DB

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        """Read; a short answer tells SQLite that the file ends here."""
        return self._vfs.read(self._path, amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write, unsynced."""
        self._vfs.change(self._path, Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut off, unsynced."""
        self._vfs.change(self._path, Write(newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        """Sync; the first time on a journal or a log with its folder, as SQLite's unix VFS does."""
        self._vfs.sync(self._path, folder=self._folder_unsynced)
        self._folder_unsynced = False

    def xFileSize(self) -> int:  # noqa: N802
        """Give the length."""
        return self._vfs.size(self._path)
