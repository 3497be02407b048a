"""What the end of a run looks for: words that must be found, words that must not, and numbers that nobody has."""

from __future__ import annotations

from parley.verify.history import Event, Row
from tests.faults.stored import StoredChat
from tests.faults.written import numbers_to_ask_for, read_written, words_to_seek


def event(f: str, t: str, n: int = 0, *v: str, chat: int = 1) -> Event:
    """Make a line about a chat."""
    return Event(p=1, i=1, t=t, f=f, ns=1, app="a", chat=chat, n=n, v=v)  # type: ignore[arg-type]


def chat_of(*rows: tuple[int, str], tombstones: tuple[int, ...] = (), **said: tuple[object, ...]) -> StoredChat:
    """Make a chat as the database has it."""
    live = tuple(Row(number, value, "") for number, value in rows)
    whole = StoredChat(7, 1, live, tombstones, gaps=(), letters=(), live=len(live), is_gone=False)
    return whole._replace(**said)  # type: ignore[arg-type]


def test_words_are_collected_by_number() -> None:
    """Of acknowledged creates, bulks part by part, and of edits that may have been done."""
    written = read_written([
        event("post", "invoke", 0, "never"),
        event("post", "ok", 4, "x", "y"),
        event("post", "ok", 4, "x", "y"),
        event("post", "info", 0, "unknown"),
        event("post", "ok", 4, "other", chat=2),
        event("edit", "ok", 4, "xx"),
        event("edit", "info", 4, "xxx"),
        event("edit", "fail", 5, "refused"),
    ])  # fmt: skip

    assert written["a", 1] == {4: ["x", "xx", "xxx"], 5: ["y"]}
    assert written["a", 2] == {4: ["other"]}


def test_all_kinds_of_words_are_looked_for() -> None:
    """Live ones, what edited ones read before and now, and what was deleted, with what it read before."""
    written = {1: ["u"], 2: ["v", "vv"], 3: ["w", "ww"]}

    words = words_to_seek(chat_of((1, "u"), (2, "vv"), tombstones=(3,)), written)

    assert sorted(words) == ["u", "v", "vv", "w", "ww"]


def test_three_messages_of_each_kind_are_looked_for() -> None:
    """However many there are; the same ones each time."""
    rows = tuple((number, f"e{number}") for number in range(1, 101))
    written = {number: [f"w{number}", f"e{number}"] for number in range(1, 201)}
    chat = chat_of(*rows, tombstones=tuple(range(101, 201)))

    words = words_to_seek(chat, written)

    live = {value for _, value in rows}
    deleted = {word for number in chat.tombstones for word in written[number]}
    assert 3 <= len(live.intersection(words)) <= 6
    assert len({f"w{number}" for number, _ in rows}.intersection(words)) == 3
    assert len(deleted.intersection(words)) == 6
    assert words == words_to_seek(chat, written)


def test_numbers_that_nobody_has_are_asked_for() -> None:
    """Rows, tombstones and letters, some of every long range of the ledger, and the first above all."""
    chat = chat_of((1, "x"), (5, "y"), tombstones=(2,), letters=(6,), gaps=((3, 4), (1_000, 2_000)))

    numbers = numbers_to_ask_for(chat)

    assert numbers[:7] == [1, 2, 3, 4, 5, 6, 7]
    assert 10 <= len(numbers[7:]) <= 50
    assert all(1_000 <= number <= 2_000 for number in numbers[7:])
    assert numbers_to_ask_for(chat_of()) == [1]
