"""Erasure in MySQL: what was deleted is in no table, in slices, once the log has closed its gate."""

from __future__ import annotations

from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import ApplicationClosed, ChatCreated, ChatDeleted, IdempotencyKey, MessagesPosted
from parley.domain.model import Draft
from tests.support.mysql_house import House
from tests.unit.workers.doubles import StillClock

SECRET = "secret-8f2c"  # noqa: S105 - what is looked for


async def counts(house: House, *tables: str) -> list[int]:
    """Count the rows of tables."""
    return [(await house.sql(f"select count(*) from {table}"))[0][0] for table in tables]  # noqa: S608


async def places_with_secret(house: House) -> set[str]:
    """Look for the secret in every column of every table."""
    columns = await house.sql(
        "select table_name, column_name from information_schema.columns where table_schema = database()"
    )
    found = set()
    for table, column in columns:
        looking = f"select count(*) from `{table}` where instr(cast(`{column}` as binary), %s)"  # noqa: S608
        if (await house.sql(looking, SECRET.encode()))[0][0]:
            found.add(f"{table}.{column}")
    return found


async def fill(house: House) -> tuple[str, int]:
    """Make an application that has the secret everywhere."""
    token = (await house.tenants.create(SECRET, None))[0].token
    key = IdempotencyKey("messages", SECRET, bytes(16))
    draft = Draft(SECRET, SECRET, f'{{"k":"{SECRET}"}}')
    await house.persist(house.say(token, None, ChatCreated(SECRET)))
    await house.persist(house.say(token, 1, MessagesPosted((draft,)), key=key))
    await house.persist(house.post((token, 1), SECRET + "x" * 65_536))
    return token, 1


async def test_a_deleted_application_is_in_no_table(house: House) -> None:
    """Not its name, titles, messages, keys and dead letters; what keeps its numbers from coming again stays."""
    token, _ = await fill(house)
    before = await places_with_secret(house)

    await house.delete_application(token)
    await house.erase(1)

    assert before >= {
        "application.name", "chat.title", "message.body", "message.sender", "message.metadata", "idempotency_key.key",
        "dead_letter.raw", "dead_letter.event",
    }  # fmt: skip
    assert await places_with_secret(house) == set()
    assert await counts(house, "message", "idempotency_key", "dead_letter") == [0, 0, 0]
    assert await house.sql("select chats_count, granted_until, erased_at is null from application") == [(0, 1, 0)]
    assert await house.sql("select messages_count, granted_until, erased_at is null from chat") == [(0, 1_000, 0)]


async def test_a_deleted_chat_is_in_no_table(house: House) -> None:
    """Its title, messages and dead letters; its key stays until it has expired, without what was said."""
    token, chat = await fill(house)

    await house.persist(house.say(token, chat, ChatDeleted()))
    await house.erase(1)

    assert await places_with_secret(house) == {"application.name", "idempotency_key.key"}


async def test_an_application_is_erased_when_its_gate_is_closed(house: House) -> None:
    """Before that, entries of it may still lie on the log."""
    chat = await house.add_chat("a", "b")
    await house.tenants.delete(chat[0])
    before = await house.erasure.erase(500)

    await house.persist(house.say(chat[0], None, ApplicationClosed()))
    await house.erase()

    assert before == 0
    assert await counts(house, "message") == [0]


async def test_followers_hear_of_every_chat_above_all_they_have_read(house: House, clock: StillClock) -> None:
    """The eraser's own changes lie above those of the log, and later ones of the log above them."""
    token, _ = await house.add_chat("a")
    await house.persist(*(house.say(token, None, ChatCreated()) for _ in range(4)))
    ids = {(row[0], WHOLE_CHAT) for row in await house.sql("select id from chat")}
    other = await house.add_chat()
    await house.delete_application(token)
    ends, row = await house.changes.ends(), await house.row()
    clock.move(-60)

    await house.erase(2)
    erased = await house.changes.read(ends, 100)
    clock.move(-60)
    late = await house.changes.ends()
    await house.persist(house.post(other, "b"))
    after = await house.changes.read(late, 100)

    assert {key for change in erased for key in change.keys} == ids
    assert await house.changes.ends() == {**late, 0: after[-1].position}
    assert (await house.row()).position > row.position
    assert ends[0] < erased[0].position < erased[-1].position == late[0] < after[0].position
    assert {document.body for document in await house.changes.load(sorted(ids))} == {None}


async def test_an_epoch_that_begins_is_no_change(house: House) -> None:
    """Followers stay where they are until something is written; then they go on in the new epoch."""
    chat = await house.add_chat("a")
    ends = await house.changes.ends()

    await house.open_life(5)
    quiet = await house.changes.read(ends, 10), await house.changes.ends()
    await house.persist(house.post(chat, "b"))

    assert quiet == ([], ends)
    (change,) = await house.changes.read(ends, 10)
    assert change.position.epoch == 5
    assert change.position == (await house.changes.ends())[0]
