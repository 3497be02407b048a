"""Result files: one a cell, ``.bench/<commit>/<cell>.json``; those of a look or a trial in a folder below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from benchmarks.suite.cell import Outcome
from benchmarks.suite.commit import Commit
from benchmarks.suite.effort import Kind


class MixedCommitsError(Exception):
    """Results of several states of the tree lie together: no report is made of them."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one cell left behind; ``result`` is empty unless it was measured."""

    cell: str
    title: str
    group: str
    kind: Kind
    commit: str
    dirty: bool
    started_at: str
    seconds: float
    machine: dict[str, str]
    outcome: Outcome
    reason: str = ""
    """Why it is no figure: a sentence, and below it what helps to find the cause."""
    result: dict[str, Any] = {}

    @property
    def why(self) -> str:
        """Give the sentence."""
        return self.reason.partition("\n")[0]


class Results:
    """The result files of one commit and one kind of run."""

    def __init__(self, bench: Path, commit: Commit, kind: Kind) -> None:
        """Look below ``bench``; the folder is made with the first result."""
        self.commit = commit
        self.kind = kind
        self.folder = bench / commit.id if kind == "full" else bench / commit.id / kind

    def write(self, record: Record) -> Path:
        """Keep a record; a half-written one is never seen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{record.cell}.json"
        partial = path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
        return partial.replace(path)

    def has(self, cell: str) -> bool:
        """Tell whether a cell was run on exactly this state; what ended in an error of its own is run again."""
        path = self.folder / f"{cell}.json"
        if not path.exists():
            return False
        record = _read(path)
        return (record.commit, record.dirty) == self.commit and record.outcome != "failed"

    def read(self) -> list[Record]:
        """Read every record, in the order they were measured.

        Raises:
            MixedCommitsError: they are not all of one commit, or only some of a changed tree.
        """
        records = sorted((_read(path) for path in self.folder.glob("*.json")), key=lambda record: record.started_at)
        states = {Commit(record.commit, record.dirty) for record in records}
        if states - {self.commit}:
            told = ", ".join(sorted(f"{state.id[:12]}{' with changes' if state.dirty else ''}" for state in states))
            raise MixedCommitsError(f"{self.folder} holds results of {told}: a report never mixes commits")
        return records


def _read(path: Path) -> Record:
    return msgspec.json.decode(path.read_bytes(), type=Record)
