"""What an import remembers beside the file, so that it can be resumed at any time.

Lines of JSON, appended: a header that names file and application, then chats and acknowledgements.
What a crash loses of it is sent again with the same idempotency keys, which the server knows for
24 hours; after that only the journal protects from storing a record twice.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from parley.cli.importing.line_file import LineFile
from parley.domain.errors import ParleyError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

_VERSION = 1
_HEADER_MAX_BYTES = 8_192
_MAGIC = b'{"parley_journal":'

_encode = msgspec.json.Encoder().encode


class Identity(NamedTuple):
    """Which import a journal belongs to."""

    digest: str
    token: str
    url: str


class _Header(msgspec.Struct):
    parley_journal: int
    file: str
    application: str
    url: str


class _Chat(msgspec.Struct, tag_field="what", tag="chat"):
    channel: str | None
    number: int


class _Acknowledged(msgspec.Struct, tag_field="what", tag="acknowledged"):
    lines: dict[int, int]


_decode_entry = msgspec.json.Decoder(_Chat | _Acknowledged).decode


class Journal:
    """Chats by channel, and the last line of each channel that has its outcome.

    ``resumed`` tells whether an earlier run wrote to it.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        """Open the journal, or begin one.

        Raises:
            ParleyError: it is another import's, damaged, or not a journal.
        """
        self.path = path
        self.chats: dict[str | None, int] = {}
        self.done: dict[str | None, int] = {}
        self._pending: dict[int, int] = {}
        self._unwritten: list[bytes] = []
        self._lines = LineFile(path)
        try:
            self.resumed = self._begin(_Header(_VERSION, identity.digest, _fingerprint(identity.token), identity.url))
        except BaseException:
            self._lines.close()
            raise

    def __enter__(self) -> Self:
        """Give the journal itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is known and let go of the file."""
        self.flush()
        self._lines.close()

    def chat_created(self, channel: str | None, number: int) -> None:
        """Remember a channel's chat."""
        self.chats[channel] = number
        self._unwritten.append(_encode(_Chat(channel, number)))

    def acknowledged(self, channel: str | None, line: int) -> None:
        """Remember that this line and all lines of the channel before it have their outcome."""
        self.done[channel] = line
        number = self.chats.get(channel)
        if number is not None:
            self._pending[number] = line

    def flush(self) -> None:
        """Write and sync what is new: one entry for all acknowledgements since the last time."""
        if self._pending:
            self._unwritten.append(_encode(_Acknowledged(self._pending)))
            self._pending = {}
        if self._unwritten:
            self._lines.append(b"\n".join((*self._unwritten, b"")))
            self._unwritten = []
            self._lines.sync()

    def _begin(self, header: _Header) -> bool:
        found = _read_header(self.path)
        if found is None:
            self._lines.clear()
            self._lines.append(_encode(header) + b"\n")
            return False
        _match(self.path, found, header)
        self._replay()
        return True

    def _replay(self) -> None:
        channels: dict[int, str | None] = {}
        for position, line in enumerate(self._lines.recover()):
            if position == 0:
                continue
            try:
                entry = _decode_entry(line)
                if isinstance(entry, _Chat):
                    self.chats[entry.channel] = entry.number
                    channels[entry.number] = entry.channel
                else:
                    self.done.update((channels[number], last) for number, last in entry.lines.items())
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
                detail = f"the journal {self.path} is damaged in line {position + 1}"
                raise ParleyError(detail, code="damaged") from error


def _read_header(path: Path) -> _Header | None:
    """Read the first line; a file that a crash left without a whole one counts as new.

    Raises:
        ParleyError: the file is something else, which must not be touched.
    """
    with path.open("rb") as file:
        line = file.readline(_HEADER_MAX_BYTES)
    if not line.endswith(b"\n") and _MAGIC.startswith(line[: len(_MAGIC)]):
        return None
    try:
        return msgspec.json.decode(line, type=_Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ParleyError(f"{path} is not a journal of parley import", code="not_a_journal") from error


def _match(path: Path, found: _Header, wanted: _Header) -> None:
    if found.parley_journal != _VERSION:
        what = f"version {found.parley_journal}, which this parley does not read"
    elif found.file != wanted.file:
        what = "another file (or this file has changed since)"
    elif found.application != wanted.application:
        what = "another application"
    else:
        return
    detail = f"the journal {path} belongs to {what}; name another with --journal, or remove it to begin anew"
    raise ParleyError(detail, code="foreign_journal")


def _fingerprint(token: str) -> str:
    """Name the application without keeping its credential in a file."""
    return hashlib.blake2b(token.encode(), digest_size=16).hexdigest()
