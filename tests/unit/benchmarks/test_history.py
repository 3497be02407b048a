"""The synthetic history: the same of every seed, of exactly the sizes asked for, in an order that a log would take."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import chain
from random import Random
from statistics import median

import pytest

from benchmarks.history.entries import batches, chats_of, messages_of
from benchmarks.history.shape import APPLICATIONS, LARGE, Place, Stage, draw_sizes, stages
from benchmarks.history.words import Talk
from parley.domain.events import ChatCreated, MessagesPosted

STEPS = (10_000, 100_000)
SPOKEN = 50_000
TOKENS = [f"token-{number}" for number in range(APPLICATIONS)]
WORDS = "from random import Random; from benchmarks.history.words import make_words; print(make_words(Random(1), 300))"


@pytest.fixture(scope="module")
def talk() -> Talk:
    """Give a talk."""
    return Talk(1, SPOKEN)


def kept(seed: int) -> list[Stage]:
    """Give the stages, their sittings kept."""
    return [stage._replace(sittings=iter(list(stage.sittings))) for stage in stages(seed, STEPS)]


def plain(seed: int) -> list[object]:
    """Give everything that a history's shape is made of."""
    return [(stage.messages, stage.new_chats, list(stage.sittings)) for stage in stages(seed, STEPS)]


def test_a_seed_gives_the_same_history_every_time_and_another_seed_another() -> None:
    """What was measured on one day is measured again on another."""
    assert plain(1) == plain(1)
    assert plain(1) != plain(2)


def test_a_seed_gives_the_same_bodies_every_time_and_another_seed_others() -> None:
    """The bodies, too, are drawn from the seed alone."""
    first, same, other = (Talk(seed, SPOKEN).say(1_000) for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_words_do_not_depend_on_the_process_that_makes_them() -> None:
    """A set's order is another one in every process; the words' order is not."""
    made = {
        subprocess.run(
            [sys.executable, "-c", WORDS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1


def test_each_stage_ends_with_exactly_the_messages_and_chats_asked_for() -> None:
    """Curves are drawn over these numbers."""
    messages = chats = 0
    for stage in stages(1, STEPS):
        messages += sum(sitting.messages for sitting in stage.sittings)
        chats += len(stage.new_chats)
        assert (messages, chats) == (stage.messages, stage.messages // 100)
    assert messages == STEPS[-1]


def test_one_chat_has_a_tenth_of_all_messages_after_each_stage_and_no_other_has_as_many() -> None:
    """The large chat grows with the history."""
    written: Counter[Place] = Counter()
    for stage in stages(1, STEPS):
        for sitting in stage.sittings:
            written[sitting.place] += sitting.messages
        (place, most), (_, second) = written.most_common(2)
        assert (place, most) == (LARGE, stage.messages // 10)
        assert second < most


def test_every_chat_gets_the_messages_that_it_was_said_to_have() -> None:
    """Readers of a chat count on it."""
    written: Counter[Place] = Counter()
    said: dict[Place, int] = {}
    for stage in stages(1, STEPS):
        said.update(stage.new_chats)
        for sitting in stage.sittings:
            written[sitting.place] += sitting.messages
    assert written == said


def test_numbers_are_consecutive_in_every_chat_and_chats_in_every_application() -> None:
    """As a log gives them, also across stages."""
    last: dict[Place, int] = defaultdict(int)
    chats: dict[int, int] = defaultdict(int)
    for stage in stages(1, STEPS):
        for (application, number), _ in stage.new_chats:
            assert number == chats[application] + 1
            chats[application] = number
        for place, first, count in stage.sittings:
            assert first == last[place] + 1
            assert place.number <= chats[place.application]
            last[place] += count
    assert len(chats) == APPLICATIONS


@pytest.mark.parametrize(("total", "count"), [(9_000, 99), (81_000, 900), (810_000, 9_000)])
def test_sizes_sum_up_are_heavy_tailed_and_leave_the_large_chat_the_largest(total: int, count: int) -> None:
    """Most chats are small, and few have most of the messages."""
    for seed in range(5):
        sizes = draw_sizes(Random(seed), total, count)
        assert sum(sizes) == total
        assert len(sizes) == count
        assert min(sizes) >= 1
        assert max(sizes) < total / 9
        assert median(sizes) < total / count
        assert sum(sorted(sizes)[-count // 5 :]) > total * 0.45, "a fifth has nearly half"


@pytest.mark.parametrize("steps", [(10_500,), (20_000, 10_000), (10_000, 10_000), (0,)])
def test_steps_that_do_not_rise_or_do_not_divide_are_refused(steps: tuple[int, ...]) -> None:
    """A tenth and a hundredth of every step are whole numbers."""
    with pytest.raises(ValueError, match="multiples"):
        next(stages(1, steps))


def test_bodies_are_of_the_lengths_and_the_variety_of_what_people_write(talk: Talk) -> None:
    """Mostly short, sometimes long, hardly ever the same, and some words are said all the time."""
    bodies = [draft.body for draft in talk.say(20_000)]
    lengths = sorted(len(body) for body in bodies)
    assert 20 <= median(lengths) <= 80
    assert lengths[-1] > 10 * median(lengths)
    assert all(body.strip() == body and body for body in bodies)
    assert len(set(bodies)) > 18_000
    words = Counter(word.strip(",.?!") for word in " ".join(bodies).split())
    assert words.most_common(1)[0][1] > 100 * sorted(words.values())[len(words) // 2]


def test_a_quote_is_of_the_talk_and_does_not_change_what_is_said_next() -> None:
    """Searching between two stages leaves the history as it is."""
    one, other = Talk(1, SPOKEN), Talk(1, SPOKEN)
    quotes = [one.quote(Random(seed)) for seed in range(50)]
    assert one.say(100) == other.say(100)
    assert all(3 <= len(quote) <= 12 and quote in one._text for quote in quotes)


def test_entries_create_the_chats_and_post_each_sitting_as_one_bulk(talk: Talk) -> None:
    """Each with the number that the log has to give it."""
    (stage, _) = kept(1)
    chats = list(chats_of(stage, TOKENS))
    posts = list(messages_of(stage, TOKENS, talk))
    assert [(chat.entry.token, chat.number) for chat in chats] == [
        (TOKENS[place.application], place.number) for place, _ in stage.new_chats
    ]
    assert all(isinstance(chat.entry.what, ChatCreated) for chat in chats)
    assert sum(post.rows for post in posts) == STEPS[0]
    for post in posts:
        assert isinstance(post.entry.what, MessagesPosted)
        assert len(post.entry.what.messages) == post.rows


def test_batches_hold_all_entries_in_order_and_at_least_the_rows_asked_for(talk: Talk) -> None:
    """An entry is never split."""
    (stage, _) = kept(1)
    posts = list(messages_of(stage, TOKENS, talk))
    parts = list(batches(posts, 500))
    assert list(chain.from_iterable(parts)) == posts
    assert all(500 <= sum(each.rows for each in part) < 600 for part in parts[:-1])
