"""What a statement can fail with, by what the caller can do about it.

FailedError         code; everything that is none of the others
├── LostError       the connection is gone; what was not committed is not there
├── ContendedError  a deadlock or a lock that was not given: the same transaction may succeed when repeated
├── DuplicateError  a unique key is there already
├── UnfitError      a value that its column cannot hold
└── DeniedError     the user may not do that, or is not let in
"""

from __future__ import annotations

from typing import Final

from asyncmy.errors import Error


class FailedError(Exception):
    """A statement failed; ``code`` is the server's own, 0 if it said none."""

    def __init__(self, code: int, text: str) -> None:
        """Keep the server's words, which name tables and values: for logs, not for clients."""
        super().__init__(f"{text} ({code})")
        self.code = code
        self.text = text


class LostError(FailedError):
    """The connection broke or could not be made."""


class ContendedError(FailedError):
    """Somebody else held a lock; the transaction must be rolled back."""


class DuplicateError(FailedError):
    """A row with the same unique key is there."""


class UnfitError(FailedError):
    """The row cannot be stored, now or later."""


class DeniedError(FailedError):
    """A privilege is missing, or the password is wrong."""


_CODES: Final[dict[type[FailedError], frozenset[int]]] = {
    LostError: frozenset({0, 1040, 1042, 1043, 1053, 1077, 1078, 1079, 1080, 1152, 1153, 1154, 1155, 1156, 1157, 1158,
                          1159, 1160, 1161, 1184, 1203, 1226, 1317, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 3169,
                          4031}),
    ContendedError: frozenset({1020, 1205, 1213, 1479, 1614, 3101, 3572}),
    DuplicateError: frozenset({1062, 1586}),
    UnfitError: frozenset({1048, 1118, 1264, 1265, 1292, 1300, 1366, 1406, 1690, 1977, 3140, 3141, 3819, 3854, 3988,
                           4025, 4078}),
    DeniedError: frozenset({1044, 1045, 1095, 1142, 1143, 1227, 1251, 1370, 1396, 1698, 1820, 1862, 3118, 4151}),
}  # fmt: skip
_CLASSES: Final = {code: kind for kind, codes in _CODES.items() for code in codes}


def failed(error: Error) -> FailedError:
    """Translate the driver's error."""
    code, *texts = error.args if error.args and isinstance(error.args[0], int) else (0, *error.args)
    return _CLASSES.get(code, FailedError)(code, " ".join(map(str, texts)))
