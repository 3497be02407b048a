"""What lies in a dead letter: the entry if it can be read, the numbers that it would have had, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from parley.cli.letters.masking import mask_bytes, mask_text, mask_token
from parley.domain.events import ChatCreated, Entry, MessagesPosted, NumbersBurnt, Unread
from parley.storage.sharing import DeadLetter

_LINE_BYTES: Final = 16
_decode = msgspec.msgpack.Decoder(Entry).decode
_decode_unread = msgspec.msgpack.Decoder(Unread).decode


def read_entry(letter: DeadLetter) -> Entry | None:
    """Give the entry, ``None`` if this version cannot read it."""
    try:
        return _decode(letter.raw)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def describe(letter: DeadLetter) -> str:
    """Say in a few words what the letter is about."""
    entry = read_entry(letter)
    if entry is None or not letter.token:
        return "cannot be read"
    kind = str(msgspec.to_builtins(entry.what)["type"]).replace("_", " ")
    return f"{kind}, {_where(letter)}"


def burnt(letter: DeadLetter) -> str | None:
    """Say which numbers a discard gives up; ``None`` if it is an event that took none."""
    entry = read_entry(letter)
    if entry is None or letter.number is None:
        return None
    application = f"application {mask_token(letter.token)}"
    last = _last_number(letter.number, entry)
    if last is None:
        return None
    kind, place = ("chat", application) if letter.chat is None else ("message", f"chat {letter.chat} of {application}")
    numbers = f"{kind} {letter.number}" if last == letter.number else f"{kind}s {letter.number} to {last}"
    return f"{numbers} of {place}"


def _last_number(first: int, entry: Entry) -> int | None:
    """Give the last number that an entry has for itself, ``None`` if it is about one that was there."""
    if isinstance(entry.what, NumbersBurnt):
        return entry.what.last
    if isinstance(entry.what, MessagesPosted):
        return first + len(entry.what.messages) - 1
    return first if isinstance(entry.what, ChatCreated) else None


def explain(letter: DeadLetter) -> str:
    """Write the entry as JSON with tokens masked; of what cannot be read, which version can."""
    entry = read_entry(letter)
    if entry is None:
        return f"This version cannot read it{_version_of(letter)}."
    return mask_text(msgspec.json.format(msgspec.json.encode(entry)).decode(), letter.token)


def _version_of(letter: DeadLetter) -> str:
    try:
        version = _decode_unread(letter.raw).version
    except ValueError:
        return ""
    return f": it is of version {mask_text(version.decode('ascii', 'replace'), '')}"


def dump(letter: DeadLetter, limit: int) -> Iterator[str]:
    """Write the first bytes as lines of hex and text, tokens masked."""
    raw = mask_bytes(letter.raw, letter.token)[:limit]
    for start in range(0, len(raw), _LINE_BYTES):
        line = raw[start : start + _LINE_BYTES]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in line)  # noqa: PLR2004 - printable ASCII
        yield f"{start:08x}  {line.hex(' '):<{_LINE_BYTES * 3 - 1}}  |{text}|"
    if len(letter.raw) > limit:
        yield f"… {len(letter.raw) - limit:,} bytes more; see them with --bytes {len(letter.raw)}"


def _where(letter: DeadLetter) -> str:
    application = f"application {mask_token(letter.token)}"
    if letter.chat is None:
        return application if letter.number is None else f"chat {letter.number} of {application}"
    place = f"chat {letter.chat} of {application}"
    return place if letter.number is None else f"message {letter.number} of {place}"
