"""A migration's statements, and the errors of statements by what can be done about them."""

from __future__ import annotations

import pytest
from asyncmy.errors import Error, InternalError, OperationalError

from parley.database.mysql.errors import (
    ContendedError,
    DeniedError,
    DuplicateError,
    FailedError,
    LostError,
    UnfitError,
    failed,
)
from parley.database.mysql.migrations import statements


def test_a_file_is_cut_at_semicolons_that_end_a_line() -> None:
    """Comments of whole lines are left out; one inside a line, and what follows a semicolon in it, stays."""
    sql = "-- oldest code: 1\n--\ncreate table a (\n  x int -- why; so\n);\n\n-- more\ninsert into a values (';');\n"

    assert list(statements(sql)) == ["create table a (\n  x int -- why; so\n)", "insert into a values (';')"]
    assert list(statements("select 1")) == ["select 1"]
    assert list(statements("-- nothing\n")) == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OperationalError(2013, "Lost connection"), LostError),
        (OperationalError(1927, "Connection was killed"), LostError),
        (InternalError("Packet sequence number wrong"), LostError),
        (OperationalError(1213, "Deadlock found"), ContendedError),
        (OperationalError(1205, "Lock wait timeout"), ContendedError),
        (OperationalError(1062, "Duplicate entry"), DuplicateError),
        (OperationalError(1406, "Data too long"), UnfitError),
        (OperationalError(1366, "Incorrect string value"), UnfitError),
        (OperationalError(1142, "denied"), DeniedError),
        (OperationalError(1146, "no such table"), FailedError),
    ],
)
def test_an_error_says_what_can_be_done(error: Error, kind: type[FailedError]) -> None:
    """Connect again, repeat, look again, set aside, ask the operator, or give up."""
    assert type(failed(error)) is kind
