"""The walk over all messages: what it hands to the index at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from parley.domain.documents import Document
from parley.domain.events import Position
from parley.domain.text import BODY_MAX_BYTES
from parley.workers.feed import SLICE_CHARACTERS, Feed
from parley.workers.walk import Walk
from tests.unit.workers.doubles import DictChanges, StillClock


class Slices:
    """A target that keeps the slices."""

    def __init__(self) -> None:
        """Begin with none."""
        self.taken: list[list[Document]] = []

    async def index(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Keep one."""
        assert not positions
        self.taken.append(list(documents))


async def walk(bodies: Mapping[tuple[int, int], str], slice_messages: int) -> list[list[Document]]:
    """Walk over the messages."""
    clock, slices = StillClock(), Slices()
    changes = DictChanges(clock)
    changes.write(bodies)
    one = Walk("test", changes, Feed(slices, lambda _: None, lambda: None), clock, slice_messages)
    while not await one.step():
        pass
    walked = [(document.chat_id, document.number) for slice_ in slices.taken for document in slice_]
    assert walked == sorted(bodies)
    return slices.taken


@pytest.mark.parametrize(("most", "slices"), [(1, 300), (10, 30), (200, 2), (2_000, 1)])
async def test_a_slice_of_small_bodies_holds_as_many_as_are_wanted(most: int, slices: int) -> None:
    """However they lie in chats."""
    taken = await walk({(2 + number // 7, number): "short" for number in range(1, 301)}, most)

    assert len(taken) == slices
    assert max(map(len, taken)) <= most


async def test_a_slice_of_large_bodies_is_bounded_by_their_characters() -> None:
    """Also the first that comes after small ones."""
    bodies = {(2, number): "short" if number < 100 else "x" * BODY_MAX_BYTES for number in range(1, 401)}

    taken = await walk(bodies, 2_000)

    sizes = [sum(len(document.body or "") for document in slice_) for slice_ in taken]
    assert max(sizes) < 2 * SLICE_CHARACTERS
    assert min(sizes[:-1]) >= SLICE_CHARACTERS
