"""A database that holds all that a database may hold, and nothing that is wrong."""

from __future__ import annotations

from parley.domain.events import (
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    IdempotencyKey,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    NumbersBurnt,
)
from parley.domain.grants import Need, ScopeName
from parley.domain.model import Draft
from tests.support.mysql_house import House

POISON = "x" * 65_536
"""One byte more than the column holds."""


def key(route: str, name: str) -> IdempotencyKey:
    """Give a key."""
    return IdempotencyKey(route, name, bytes(16))


async def write(house: House) -> None:
    """Write all that a database may hold: in two epochs, half of it unknown to the index."""
    application, _ = await house.tenants.create("audited", key("applications", "a"))
    token, one, two = application.token, (application.token, 1), (application.token, 2)
    for number in range(1, 5):
        house.clock.move(1)
        await house.persist(house.say(token, None, ChatCreated(f"chat {number}"), key=key("chats", f"c{number}")))
        drafts = tuple(Draft(f"message {index}", "sender", "{}") for index in range(20))
        await house.persist(house.say(token, number, MessagesPosted(drafts), key=key("bulk", f"b{number}")))
    await house.persist(
        house.say(*one, MessageEdited("edited"), 3),
        house.say(*one, MessageDeleted(), 5),
        house.say(*two, ChatRetitled("another")),
        house.say(*two, NumbersBurnt(25), 21),
        house.say(token, 3, ChatDeleted()),
    )
    await write_ended(house)
    await house.erase()
    await house.changes.passed("search", await house.changes.ends())
    await write_next_epoch(house, token)
    await write_letters(house, token)
    await house.persist(house.say(token, 4, ChatDeleted()), house.say(*one, MessageDeleted(), 6))
    leaving, _ = await house.add_chat("of an application whose deletion is not known to the log")
    await house.tenants.delete(leaving)


async def write_ended(house: House) -> None:
    """Write an application that is deleted."""
    ended, _ = await house.add_chat("gone")
    await house.persist(house.say(ended, 1, MessagesPosted((Draft(POISON),)), key=key("messages", "gone")))
    await house.delete_application(ended)


async def write_next_epoch(house: House, token: str) -> None:
    """Write with grants of two epochs, so that what the first did not use is void."""
    scopes = ScopeName(token, None), ScopeName(token, 1)
    await house.scopes.provide(
        [Need(name, house.position.epoch, until) for name, until in zip(scopes, (4, 1_000), strict=True)]
    )
    await house.open_life(house.position.epoch + 1)
    await house.scopes.provide([Need(name, house.position.epoch) for name in scopes])
    house.clock.move(1)
    await house.persist(
        house.say(token, None, ChatCreated(), 1_005),
        house.say(token, 1, MessagesPosted((Draft("of the second epoch"),)), 3_001, key=key("messages", "m")),
        house.say(token, 2, MessagesPosted((Draft("after what was burnt"),)), 26),
    )


async def write_letters(house: House, token: str) -> None:
    """Write dead letters: of messages, of a chat, unreadable, in a queue; and one that was given up."""
    await house.persist(
        house.say(token, 1, MessagesPosted((Draft("a"), Draft(POISON))), 3_002),
        house.say(token, 1, MessagesPosted((Draft("b"),)), 3_004),
        house.say(token, None, ChatCreated(POISON), 1_006, key=key("chats", "dead")),
        house.say(token, 1_006, MessagesPosted((Draft("waits"),) * 3), 1, key=key("messages", "dead")),
        house.noise(),
        house.say(token, 2, MessagesPosted((Draft(POISON),)), 27),
    )
    await house.persist(house.say(token, 1, MessageEdited("waits"), 3_003))
    (discarded,) = [letter for letter in await house.dead_letters.page(0, 100) if letter.chat == 2]
    await house.dead_letters.discard(discarded.id)
