"""The window keeps order within a channel, bounds memory and never blocks for ever."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from parley.cli.importing.records import Record
from parley.cli.importing.window import Window


def record(line: int, channel: str, size: int = 0) -> Record:
    """Make a record of a size."""
    return Record(line, b"x" * size, channel, str(line), b"")


async def take(window: Window) -> Record:
    """Claim a record that must be ready."""
    return await asyncio.wait_for(window.claim(), 5)


async def test_window_gives_a_channel_to_one_sender_at_a_time() -> None:
    """The second record of a channel waits for the first one's outcome; another channel does not."""
    window = Window(10, 1000)
    for line, channel in ((1, "a"), (2, "a"), (3, "b")):
        await window.add(record(line, channel))

    first, other = await take(window), await take(window)
    blocked = asyncio.ensure_future(window.claim())
    await asyncio.sleep(0)

    assert (first.line, other.line, blocked.done()) == (1, 3, False)
    window.finish(first)
    assert (await blocked).line == 2


@pytest.mark.parametrize(("max_records", "max_bytes"), [(3, 1000), (1000, 30)])
async def test_window_makes_the_reader_wait_when_it_is_full(max_records: int, max_bytes: int) -> None:
    """Records and bytes are bounded; one outcome lets one more in."""
    window = Window(max_records, max_bytes)
    for line in range(3):
        await window.add(record(line, "hot", size=10))

    waiting = asyncio.ensure_future(window.add(record(3, "hot", size=10)))
    await asyncio.sleep(0)
    before = waiting.done()
    window.finish(await take(window))
    await asyncio.wait_for(waiting, 5)

    assert before is False


async def test_window_takes_a_record_that_is_larger_than_itself() -> None:
    """Else a single large record could never be sent."""
    window = Window(10, 5)

    await asyncio.wait_for(window.add(record(1, "a", size=100)), 5)

    assert (await take(window)).line == 1


@pytest.mark.parametrize("seed", range(5))
async def test_window_hands_out_everything_in_channel_order(seed: int) -> None:
    """With one channel that dominates the file, few senders and a small window, all is sent, in order."""
    random = Random(seed)
    window = Window(7, 10_000)
    records = [record(i, "hot" if random.random() < 0.8 else random.choice("abcdef")) for i in range(500)]
    sent: dict[str | None, list[int]] = {}

    async def send() -> None:
        while True:
            mine = await window.claim()
            for _ in range(random.randrange(4)):
                await asyncio.sleep(0)
            sent.setdefault(mine.channel, []).append(mine.line)
            window.finish(mine)

    senders = [asyncio.ensure_future(send()) for _ in range(3)]
    for each in records:
        await asyncio.wait_for(window.add(each), 5)
    await asyncio.wait_for(window.drained(), 5)
    for sender in senders:
        sender.cancel()

    due: dict[str | None, list[int]] = {}
    for each in records:
        due.setdefault(each.channel, []).append(each.line)
    assert sent == due
