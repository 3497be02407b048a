"""Rows as SQL text: what a server would read back is what was given, in statements of a bounded size."""

from __future__ import annotations

import pytest

from parley.database.mysql.literals import inserts

STATEMENT = "insert into t (a, b)\nvalues (%s, %s)"


def test_every_kind_of_value_is_written() -> None:
    """Numbers, texts, bytes and nulls; quotes, backslashes and line ends are escaped."""
    rows = [(-7, "it's"), (None, 'a "b" \\ \n \r \x1a %s'), (b"\x00\xff'", ""), (2**63 - 1, "привет 🍣\u2028")]

    (statement,) = inserts(STATEMENT, rows)

    assert statement.decode() == (
        "insert into t (a, b)\nvalues (-7,'it\\'s'),(null,'a \\\"b\\\" \\\\ \\n \\r \\Z %s'),(x'00ff27',''),"
        "(9223372036854775807,'привет 🍣\u2028')"
    )


@pytest.mark.parametrize("value", [1.5, True, object()])
def test_a_value_of_another_kind_is_refused(value: object) -> None:
    """It would be written in a way that nobody has thought about."""
    with pytest.raises(KeyError):
        list(inserts(STATEMENT, [(1, value)]))


def test_a_lone_surrogate_is_refused() -> None:
    """No server would take it, or one would take it for something else."""
    with pytest.raises(UnicodeError):
        list(inserts(STATEMENT, [(1, "\udc80")]))


def test_many_rows_are_a_few_statements() -> None:
    """Each within its size, unless one row is larger; every row once, in order."""
    rows = [(n, "x" * 30_000) for n in range(100)] + [(100, "y" * 3_000_000), (101, "z")]

    statements = list(inserts(STATEMENT, rows))

    assert all(len(statement) < 1_100_000 for statement in statements if b"yyy" not in statement)
    assert len(statements) == 6
    numbers = [int(part.split(b",")[0]) for statement in statements for part in statement.split(b"(")[2:]]
    assert numbers == list(range(102))
