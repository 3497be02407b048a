"""The compact form of a change's keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.storage.mysql.rows import pack_keys, unpack_keys

KEYS = st.lists(st.tuples(st.integers(1, 2**31 - 1), st.integers(0, 2**32 - 1)))
NEAR = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)))


@given(KEYS | NEAR)
def test_every_key_comes_back_once(keys: list[tuple[int, int]]) -> None:
    """In order, however they were given."""
    assert list(unpack_keys(pack_keys(keys))) == sorted(set(keys))


def test_a_run_of_numbers_takes_the_room_of_one() -> None:
    """A bulk of a thousand messages is a few bytes; an empty change is one."""
    assert len(pack_keys((7, number) for number in range(1, 1_001))) < 10
    assert len(pack_keys([])) == 1
