"""A disk that is full, or whose syncs fail: clients are told the truth, and all goes on when it heals."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import apsw
import pytest

from parley.domain.cursors import Window
from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.events import ChatCreated, Entry, IdempotencyKey, MessagesPosted
from parley.domain.model import Draft
from parley.domain.numbering import Appended
from tests.support.house import House, opened_at
from tests.support.pace import hold_async
from tests.support.vfs import PowerCutVfs, keep_nothing

CLIENTS = 32
FAULTS = {"write": apsw.FullError, "sync": apsw.IOError}


class FaultyDisk:
    """Fails every operation of one kind while it is ill."""

    def __init__(self, kind: str) -> None:
        """Start healthy."""
        self.ill = False
        self._kind = kind

    def operate(self, kind: str) -> None:
        """Fail, if it is ill."""
        if self.ill and kind == self._kind:
            raise FAULTS[kind]


@pytest.mark.parametrize("kind", FAULTS)
async def test_client_is_told_the_truth_when_the_disk_fails(kind: str, tmp_path: Path) -> None:
    """Nothing is acknowledged that a power cut takes, nothing refused is there, nothing is there twice."""
    rng = Random(41)
    disk = FaultyDisk(kind)
    vfs = PowerCutVfs(f"faulty-{kind}", disk.operate)
    answers: Counter[type[Exception]] = Counter()
    async with opened_at(f"sqlite://{tmp_path}/parley.db?vfs={vfs.name}", rng) as house:
        application, _ = await house.opened.tenants.create("faulty", None)
        token = application.token
        await house.append(Entry(token, None, ChatCreated()))

        async with asyncio.TaskGroup() as group:
            sick = group.create_task(fall_ill_and_heal(disk, answers))
            sent = [group.create_task(create(house, token, f"{index}", sick, answers)) for index in range(CLIENTS)]
        vfs.power_cut(keep_nothing, rng, tmp_path / "cut")
    vfs.unregister()

    numbers = {body: number for task in sent for body, number in task.result().items()}
    async with opened_at(f"sqlite://{tmp_path}/cut/parley.db", rng) as house:
        found: dict[str, int] = {}
        while items := (await house.opened.storage.page_messages(token, 1, Window(len(found), None, 100))).items:
            found |= {message.body: message.number for message in items}
    assert set(answers) <= {UnavailableError, OutcomeUnknownError}
    assert found == numbers
    assert sorted(found.values()) == list(range(1, len(found) + 1))


async def fall_ill_and_heal(disk: FaultyDisk, answers: Counter[type[Exception]]) -> None:
    """Be ill three times, each until every client was told on average."""
    for times in (1, 2, 3):
        await hold_async(0.05)
        disk.ill = True
        while answers.total() < times * CLIENTS:  # noqa: ASYNC110 - it stands for time that passes
            await asyncio.sleep(0.005)
        disk.ill = False
    await hold_async(0.05)


async def create(
    house: House, token: str, name: str, sick: asyncio.Task[None], answers: Counter[type[Exception]]
) -> dict[str, int]:
    """Create messages while the disk falls ill and heals, each with its key until acknowledged; give the numbers."""
    numbers: dict[str, int] = {}
    tried: set[str] = set()
    unknown = False
    while not sick.done() or f"{name}-{len(numbers)}" in tried:
        body = f"{name}-{len(numbers)}"
        tried.add(body)
        entry = Entry(token, 1, MessagesPosted((Draft(body),)), key=IdempotencyKey("messages", body, body.encode()))
        try:
            outcome = await house.append(entry)
        except (UnavailableError, OutcomeUnknownError) as error:
            answers[type(error)] += 1
            unknown |= isinstance(error, OutcomeUnknownError)
        else:
            assert isinstance(outcome, Appended) or unknown, "told that nothing was written, and it was"
            numbers[body], unknown = outcome.number, False
    return numbers
