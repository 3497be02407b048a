"""Times as HTTP shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.http.times import format_time


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_254_253_007, "2026-11-21T09:44:13.007Z"),
        (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_written_in_utc_with_milliseconds(at: int, text: str) -> None:
    """RFC 3339 with Z, to the last millisecond that has a date."""
    assert format_time(at) == text


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_comes_back(at: int) -> None:
    """Whoever reads it has the same millisecond."""
    read = datetime.fromisoformat(format_time(at))

    assert (read - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == pytest.approx(at / 1_000, abs=1e-4)
