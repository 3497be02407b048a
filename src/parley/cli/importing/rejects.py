"""The file of lines that became no message, each with its number and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from parley.cli.importing.line_file import LineFile
from parley.domain.errors import ParleyError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from parley.cli.importing.records import Rejection

_encode = msgspec.json.Encoder().encode


class _Rejected(msgspec.Struct, omit_defaults=True):
    line: int
    reason: str
    status: int | None = None
    record: Any = msgspec.UNSET
    text: str = ""


_decode = msgspec.json.Decoder(_Rejected).decode


class Rejects:
    """Appends rejections; opened again for a resumed import, it knows how far they went.

    ``refused`` is the last line that the server refused, by channel; ``unread`` the last line that
    was never sent. Both kinds are found in the file's order, so a resumed import skips up to there.
    """

    def __init__(self, path: Path, *, resume: bool) -> None:
        """Open the file, emptied unless the import is resumed.

        Raises:
            ParleyError: the path holds something else, which must not be touched.
        """
        self.path = path
        self.refused: dict[str | None, int] = {}
        self.unread = 0
        _refuse_foreign(path)
        self._lines = LineFile(path)
        if not resume:
            self._lines.clear()
        for line in self._lines.recover():
            self._recall(_decode(line))

    def __enter__(self) -> Self:
        """Give the file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Sync, and leave no empty file behind."""
        self._lines.sync()
        if self.path.stat().st_size == 0:
            self.path.unlink()
        self._lines.close()

    def add(self, rejection: Rejection) -> None:
        """Write one rejection."""
        self._lines.append(_encode(_describe(rejection)) + b"\n")

    def _recall(self, rejected: _Rejected) -> None:
        if rejected.status is None:
            self.unread = max(self.unread, rejected.line)
        elif isinstance(rejected.record, dict):
            channel = rejected.record.get("channel")
            self.refused[channel] = max(self.refused.get(channel, 0), rejected.line)


def _describe(rejection: Rejection) -> _Rejected:
    """Keep the record as it was where it is JSON, else its text with undecodable bytes escaped."""
    try:
        msgspec.json.decode(rejection.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = rejection.data.decode("utf-8", "backslashreplace")
        return _Rejected(rejection.line, rejection.reason, rejection.status, text=text)
    return _Rejected(rejection.line, rejection.reason, rejection.status, record=msgspec.Raw(rejection.data))


def _refuse_foreign(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        line = file.readline()
    try:
        _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if line.endswith(b"\n") or not line.startswith(b'{"line":'):
            detail = f"{path} is not a file of rejected lines; name another with --rejected"
            raise ParleyError(detail, code="not_rejects") from error
