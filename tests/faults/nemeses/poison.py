"""Has entries on the log that nobody can store, and decides about what was set aside."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from functools import partial
from itertools import cycle
from typing import Any, Final, NamedTuple

from redis import Redis

from parley.domain.events import Entry, MessagesPosted
from parley.domain.model import Draft
from parley.domain.partitions import partition_of
from parley.log.redis.entries import VERSION, encode_entry
from parley.verify.history import Row
from tests.faults import reads
from tests.faults.client import RecordedClient, Said
from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.faults.words import Text, write_body
from tests.faults.world import KnownApplication, KnownChat
from tests.faults.writing import Writers
from tests.support.client import Answer

_UNREADABLE_COUNT: Final = 10
_CLASHES: Final = 4
_UNREADABLE: Final = (
    (b"9", b"of a version to come"),
    (b"1", b"short"),
    (b"1", b"\0" * 20 + b"\x84\xa5token\xa4cut"),
    (b"1", b"\0" * 20 + b"\xff\xfe\x00 not MessagePack"),
)
_FITS: Final = 2_000
"""Characters that a body may have for a while: more than clients write."""
_BETWEEN: Final = 50
"""Creates between one entry and the next."""
_PUT: Final = """
local ms, seq = unpack(redis.call('HMGET', KEYS[1], 'ms', 'seq'))
redis.call('XADD', KEYS[2], string.format('%.0f-%.0f', ms, seq + 1), ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'seq', seq + 1)
"""
"""As an append would: behind the last entry, and counted as the last one."""
_PUT_READABLE: Final = """
local counts = redis.call('HMGET', KEYS[1], 'messages', 'bytes')
local messages, bytes = counts[1] + 1, counts[2] + #ARGV[2]
redis.call('HSET', KEYS[1], 'messages', messages, 'bytes', bytes)
ARGV[2] = struct.pack('>I4I8I8', ARGV[3], messages, bytes) .. ARGV[2]
"""
"""With the number and the counts that are in front of every entry: whoever reads the log relies on them."""


class _Place(NamedTuple):
    """A chat, and a message of it."""

    application: KnownApplication
    chat: KnownChat
    number: int

    @property
    def path(self) -> str:
        """Give the chat's path."""
        return self.application.path_of(self.chat)

    @property
    def said(self) -> dict[str, Any]:
        """Name the chat as a recording does."""
        return {"app": self.application.token, "chat": self.chat.number}


async def poison(strike: Strike[ServerSite]) -> None:
    """Put poison between the entries of every partition; all else passes, and each letter is decided at the end.

    Some cannot be read, and are given up. Some clash with a message that is stored, and are posted anew: in a chat of
    their own, for nobody may read two messages of one number. The others are posts and edits that the column does not
    take, in chats that every client reads and writes, and are replayed once it does.
    """
    client = RecordedClient(strike.recorder)
    clashes = await _make_clashes(strike)
    async with strike.load.pausing():
        places = [_choose(application) for application in strike.load.applications]
    async with strike.fault("poison"):
        fits = await asyncio.to_thread(_narrow, strike.site)
        await _put_between(strike, clashes)
        unfit = [await _say(strike, client, place, f, fits) for place in places for f in ("edit", "post")]
    await strike.calm()
    await asyncio.to_thread(_widen, strike.site)
    strike.told["letters"] = await _decide(strike, clashes, _UNREADABLE_COUNT + _CLASHES + len(unfit))
    for place, text in unfit:
        await _look(strike, client, place, text)
    client.close()


async def _make_clashes(strike: Strike[ServerSite]) -> dict[int, tuple[_Place, Text]]:
    """Make a chat of which no other client knows; give what else is to be said under some of its numbers."""
    application = KnownApplication(strike.load.applications[0].token)
    client = RecordedClient(strike.recorder)
    writers = Writers(client, strike.load.doors, strike.rng, strike.load)
    assert await writers.create_chat(application)
    (chat,) = application.chats
    while len(chat.messages) < _CLASHES:
        assert await writers.post(application)
    client.close()
    p = strike.recorder.new_client()
    return {
        number: (_Place(application, chat, number), write_body(p, number, 0, strike.rng))
        for number in chat.messages[:_CLASHES]
    }


def _choose(application: KnownApplication) -> _Place:
    """Choose a chat, which is kept, and a message that nobody else changes any more: that would have to wait."""
    chat = max(application.chats, key=lambda each: len(each.messages))
    chat.is_kept = True
    return _Place(application, chat, chat.messages.pop())


def _narrow(site: ServerSite) -> int:
    """Let bodies be no longer than clients write, and than those that are stored; give that in characters."""
    ((longest,),) = site.mariadb.run("select max(char_length(body)) from message", site.fleet.database)
    fits = max(_FITS, int(longest))
    site.mariadb.run(f"alter table message modify body varchar({fits})", site.fleet.database)
    return fits


def _widen(site: ServerSite) -> None:
    site.mariadb.run("alter table message modify body text", site.fleet.database)


async def _put_between(strike: Strike[ServerSite], clashes: Mapping[int, tuple[_Place, Text]]) -> None:
    """Put onto the logs what no client can have sent."""
    with Redis(port=strike.site.redis.port) as client:
        logs = sorted(client.scan_iter(f"*{strike.site.fleet.database}*:log"))
        for log, (version, value), _ in zip(cycle(logs), cycle(_UNREADABLE), range(_UNREADABLE_COUNT)):
            _put(client, log, version, value)
            await strike.load.acknowledge(_BETWEEN)
        for place, text in clashes.values():
            entry = Entry(place.application.token, place.chat.number, MessagesPosted((Draft(text.whole),)))
            _put(client, logs[partition_of(entry.token, len(logs))], VERSION, encode_entry(entry), place.number)
            await strike.load.acknowledge(_BETWEEN)


def _put(client: Redis, log: bytes, version: bytes, value: bytes, number: int | None = None) -> None:
    """Put an entry onto a log; one that has a number can be read, and counts as an entry does."""
    script = _PUT if number is None else _PUT_READABLE + _PUT
    client.eval(script, 2, log.removesuffix(b":log") + b":meta", log, version, value, *([number] if number else []))


async def _say(
    strike: Strike[ServerSite], client: RecordedClient, place: _Place, f: str, fits: int
) -> tuple[_Place, Text]:
    """Edit a message, or post another, with a text that is too long; give where it was said.

    It is written down as an answer of the lowest level: until it is replayed, readers may see it, and it may go again.
    """
    word = write_body(client.p, client.i, 0, strike.rng).value
    text = Text(word, f"{word} {'x' * fits}")
    said = {"f": f, "svc": "api", **place.said, "v": (text.value,), "sha": (text.sha,)}
    said |= {"n": place.number} if f == "edit" else {}
    method, target = ("PATCH", f"/{place.number}") if f == "edit" else ("POST", "")
    door = strike.rng.choice(strike.load.doors.api)
    send = partial(client.ask, door, method, f"{place.path}/messages{target}", {"body": text.whole})
    event = await client.write(said, send, _number_of_relaxed)
    assert event.t == "ok", event
    await strike.load.acknowledge(_BETWEEN)
    return place._replace(number=event.n), text


def _number_of_relaxed(answer: Answer) -> Said:
    return {"n": answer.json()["number"], "level": "relaxed"}


async def _decide(strike: Strike[ServerSite], clashes: Mapping[int, tuple[_Place, Text]], count: int) -> int:
    """Decide about all letters; give how many there were."""
    letters = json.loads(await _run(strike, "list", "--json"))
    if len(letters) != count:
        strike.wrong(f"{len(letters)} letters of {count} poisons")
    for letter in letters:
        if letter["reason"].startswith("unreadable"):
            await _run(strike, "discard", str(letter["id"]), "--yes")
        elif letter["reason"].startswith("collision"):
            await _post_anew(strike, letter["id"], *clashes[letter["number"]])
        else:
            await _run(strike, "replay", str(letter["id"]))
    return len(letters)


async def _post_anew(strike: Strike[ServerSite], id_: int, place: _Place, text: Text) -> None:
    """Give a clash a new number: from then on it is a message as any other."""
    p, said = strike.recorder.new_client(), {"f": "post", **place.said, "v": (text.value,), "sha": (text.sha,)}
    strike.recorder.write(p=p, i=0, t="invoke", **said)
    posted = re.search(r"was posted as message (\d+)", await _run(strike, "replay", str(id_), "--as-new", "--yes"))
    if posted:
        strike.recorder.write(p=p, i=0, t="ok", **said, n=int(posted[1]), level="stored")


async def _run(strike: Strike[ServerSite], *command: str) -> str:
    """Run a command about letters; give what it says."""
    done = await asyncio.to_thread(strike.site.run, "dead-letters", *command)
    if done.returncode:
        strike.wrong(f"dead-letters {' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


async def _look(strike: Strike[ServerSite], client: RecordedClient, place: _Place, text: Text) -> None:
    """Read at every door what was replayed; in the end that is compared with all pages."""
    row = Row(place.number, text.value, text.sha)
    for at, door in enumerate(strike.load.doors.api, start=1):
        said = await reads.get_message(client, door, place.path, place.number)
        if said.get("rows") != (row,):
            strike.wrong(f"api {at} has not what was replayed: {row}, but {said.get('rows', 'nothing')}")
