"""``parley dead-letters``: looks at events that could not be stored, tries them again, or gives them up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import msgspec
from cyclopts import App, Parameter

from parley.cli.confirming import Yes, confirm
from parley.cli.letters.contents import burnt, describe, dump, explain, read_entry
from parley.cli.letters.gates import close_gate
from parley.cli.letters.masking import mask_bytes, mask_text, mask_token
from parley.cli.letters.reposting import Reposting
from parley.cli.servers import open_appending, open_database, open_shared, refuse_embedded, refuse_old_schema
from parley.cli.settings import takes_settings
from parley.cli.tables import print_table
from parley.config import Settings
from parley.domain.errors import ConfigurationError, NotFoundError
from parley.domain.grants import ScopeName
from parley.domain.model import Draft
from parley.http.times import format_time
from parley.storage.sharing import DeadLetter, DeadLetters
from parley.telemetry.clock import SystemClock

_DATABASE = ("database_url", "log_durability")
_HELD = 16

dead_letters = App(
    name="dead-letters",
    help="Events that could not be stored: list, show, replay, discard. Example: parley dead-letters list",
    help_format="plaintext",
)

T = TypeVar("T")
ReadPage = Callable[[int, int], Awaitable[list[DeadLetter]]]
Id = Annotated[int, Parameter(help="The letter's id, as list prints it.")]
AsNew = Annotated[bool, Parameter(name="--as-new", negative="", help="Give its messages new numbers.")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead.")]
After = Annotated[int, Parameter(name="--after", help="Begin above this id.")]
Limit = Annotated[int, Parameter(name="--limit", help="Letters of one page.")]
Bytes = Annotated[int, Parameter(name="--bytes", help="Bytes of the event that are printed.")]


@dead_letters.command(name="list")
@takes_settings(*_DATABASE)
def list_(settings: Settings, *, after: After = 0, limit: Limit = 50, as_json: Json = False) -> None:
    """List dead letters in the order of the log, a page at a time.

    Example: parley dead-letters list --limit 20 --after 40
    """
    page = _ask(settings, lambda letters: _tell_page(letters.page, after, limit + 1))
    told, more = page[:limit], len(page) > limit
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode([summary for summary, _ in told]).decode()}\n")
        return
    if not told:
        sys.stdout.write("there are no dead letters\n" if after == 0 else f"there are none above {after}\n")
        return
    columns = ("id", "partition", "made", "what", "attempts", "bytes", "reason")
    print_table(columns, [row for _, row in told])
    if more:
        sys.stdout.write(f"there are more: --after {told[-1][0]['id']}\n")


@dead_letters.command
@takes_settings(*_DATABASE)
def show(settings: Settings, id_: Id, /, *, limit: Bytes = 1024, as_json: Json = False) -> None:
    """Show why one event was set aside, what it says, and its bytes. Tokens are shortened; bodies are shown.

    Example: parley dead-letters show 17
    """
    letter = _ask(settings, lambda letters: _find(letters, id_))
    if as_json:
        whole = _summary(letter) | {"raw": mask_bytes(letter.raw, letter.token).hex()}
        sys.stdout.write(f"{msgspec.json.encode(whole).decode()}\n")
        return
    for name, value in _summary(letter).items():
        sys.stdout.write(f"{name:<14}{'' if value is None else value}\n")
    sys.stdout.write(f"\n{explain(letter)}\n\n")
    for line in dump(letter, limit):
        sys.stdout.write(f"{line}\n")


@dead_letters.command
@takes_settings(*_DATABASE, "log_url", "key_ttl_s", "answer_timeout_s")
def replay(settings: Settings, id_: Id, /, *, as_new: AsNew = False, yes: Yes = False) -> int:
    """Try to store one event again, and then those that wait behind it; 1 if it failed again, or is decided already.

    With --as-new the log gives its messages new numbers, for their old ones have others: then the letter is discarded.
    Repeat it if it was cut off: within PARLEY_KEY_TTL_S nothing is posted twice.

    Example: parley dead-letters replay 17
    """
    if as_new:
        return _post_anew(settings, id_, yes=yes)

    async def work(letters: DeadLetters) -> tuple[bool, int, DeadLetter | None]:
        await _find(letters, id_)
        before = await letters.count()
        is_stored = await letters.replay(id_)
        return is_stored, before - await letters.count(), await letters.get(id_)

    is_stored, gone, left = _ask(settings, work)
    if is_stored:
        sys.stdout.write(f"letter {id_} was stored{_behind(gone)}\n")
        return 0
    if left is None:
        return _say_too_late(id_)
    reason = mask_text(left.reason, left.token)
    sys.stdout.write(f"letter {id_} failed again, at attempt {left.attempts}: {reason}\n")
    return 1


@dead_letters.command
@takes_settings(*_DATABASE, "log_url", "key_ttl_s")
def discard(settings: Settings, id_: Id, /, *, yes: Yes = False) -> int:
    """Give one event up for ever; what waits behind it is tried again. Its numbers go to the gap ledger.

    A chat whose creation is given up is deleted, with all that was said in it; for that the log is needed.

    Example: parley dead-letters discard 17
    """
    letter = _ask(settings, lambda letters: _find(letters, id_))
    chat = _ask(settings, lambda letters: letters.chat_given_up(id_))
    numbers = burnt(letter)
    sys.stdout.write(f"letter {id_}: {describe(letter)}: {mask_text(letter.reason, letter.token)}\n")
    if chat is not None:
        sys.stdout.write("the chat is deleted, with all that was said in it: whoever posts there is told 404\n")
    elif numbers is not None:
        sys.stdout.write(f"to the gap ledger, unless something is stored there: {numbers}\n")
    elif read_entry(letter) is None:
        sys.stdout.write("its numbers are not known, so the gap ledger does not get them\n")
    else:
        sys.stdout.write("it took no number, so the gap ledger gets nothing\n")
    if not confirm("Give it up for ever?", yes=yes):
        return 1
    if chat is not None:
        asyncio.run(_close(settings, chat))
    is_discarded, gone = _ask(settings, lambda letters: _discard(letters, id_))
    if not is_discarded and chat is None:  # a worker that stores the chat's deletion may have been quicker
        return _say_too_late(id_)
    sys.stdout.write(f"letter {id_} was discarded{_behind(gone) if chat is None else ', and its chat is deleted'}\n")
    return 0


def _ask(settings: Settings, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    """Open the database, and run ``work`` on its letters."""
    refuse_embedded(settings, "nothing is set aside there: what cannot be stored is refused at once")
    refuse_old_schema(settings)

    async def run() -> T:
        async with open_shared(settings, SystemClock()) as shared:
            return await work(shared.dead_letters)

    return asyncio.run(run())


def _post_anew(settings: Settings, id_: int, *, yes: bool) -> int:
    letter = _ask(settings, lambda letters: _find(letters, id_))
    drafts = _ask(settings, lambda letters: letters.lost(id_))
    sys.stdout.write(f"letter {id_}: {describe(letter)}: {mask_text(letter.reason, letter.token)}\n")
    sys.stdout.write(f"{len(drafts):,} to be posted now, with new numbers; what waits behind it keeps the old ones\n")
    if not confirm("Post it anew, and give the old numbers up for ever?", yes=yes):
        return 1
    number, is_stored = asyncio.run(_post(settings, letter, drafts))
    last = number + len(drafts) - 1
    posted = f"letter {id_} was posted as message{f' {number}' if last == number else f's {number} to {last}'}"
    if not asyncio.run(_is_there(settings, letter, number)):
        why = "which could not be stored either" if is_stored else "not stored yet: repeat this"
        sys.stdout.write(f"{posted}, {why}\n")
        return 1
    is_discarded, gone = _ask(settings, lambda letters: _discard(letters, id_))
    sys.stdout.write(f"{posted}{_behind(gone)}\n")
    return 0 if is_discarded else _say_too_late(id_)


async def _post(settings: Settings, letter: DeadLetter, drafts: Sequence[Draft]) -> tuple[int, bool]:
    clock = SystemClock()
    async with open_appending(settings, clock) as (log, beside):
        return await Reposting(log, beside, clock, settings.answer_timeout_s).post(letter, drafts)


async def _is_there(settings: Settings, letter: DeadLetter, number: int) -> bool:
    async with open_database(settings, SystemClock()) as storage:
        try:
            await storage.storage.get_message(letter.token, letter.chat or 0, number)
        except NotFoundError:
            return False
        return True


async def _close(settings: Settings, chat: ScopeName) -> None:
    async with open_appending(settings, SystemClock()) as (log, beside):
        await close_gate(log, beside.log.feeding, beside.database.scopes, chat)


async def _discard(letters: DeadLetters, id_: int) -> tuple[bool, int]:
    """Give a letter up; say whether it was there, and how many are gone with it."""
    before = await letters.count()
    return await letters.discard(id_), before - await letters.count()


async def _tell_page(read: ReadPage, after: int, limit: int) -> list[tuple[dict[str, object], tuple[str, ...]]]:
    """Tell of letters above an id, for machines and for people; few are held at a time, for each may have a MiB."""
    told: list[tuple[dict[str, object], tuple[str, ...]]] = []
    while len(told) < limit and (some := await read(after, min(_HELD, limit - len(told)))):
        told += [(_summary(letter), _row(letter)) for letter in some]
        after = some[-1].id
    return told


async def _find(letters: DeadLetters, id_: int) -> DeadLetter:
    letter = await letters.get(id_)
    if letter is None:
        raise ConfigurationError(f"there is no dead letter {id_}; parley dead-letters list names them")
    return letter


def _say_too_late(id_: int) -> int:
    sys.stdout.write(f"letter {id_} is gone: somebody else replayed or discarded it just now; nothing was done here\n")
    return 1


def _behind(gone: int) -> str:
    others = gone - 1
    if others <= 0:
        return ""
    return f", and {others:,} that waited behind it {'was' if others == 1 else 'were'} stored"


def _row(letter: DeadLetter) -> tuple[str, ...]:
    made = format_time(letter.position.at)
    reason = mask_text(letter.reason, letter.token)
    numbers = (str(letter.id), str(letter.partition))
    return (*numbers, made, describe(letter), str(letter.attempts), f"{len(letter.raw):,}", reason)


def _summary(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "partition": letter.partition,
        "epoch": letter.position.epoch,
        "position": letter.position.id,
        "application": mask_token(letter.token) or None,
        "chat": letter.chat,
        "number": letter.number,
        "reason": mask_text(letter.reason, letter.token),
        "attempts": letter.attempts,
        "bytes": len(letter.raw),
        "made_at": format_time(letter.position.at),
        "set_aside_at": format_time(letter.created_at),
        "tried_at": format_time(letter.updated_at),
    }
