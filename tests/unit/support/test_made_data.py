"""Made data have the form and the needles of the sets that they stand for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.data import NEEDLES
from tests.support.made_data import RECORDS, ROOMS, STRINGS, make_data
from tests.support.oracle import matches
from tests.support.replay import distinct, read_lines


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of made data."""
    folder = tmp_path_factory.mktemp("made")
    make_data(folder, NEEDLES)
    return folder


@pytest.mark.parametrize("name", NEEDLES)
def test_each_needle_is_in_as_many_bodies_as_in_the_real_set(made: Path, name: str) -> None:
    """Also in other letters: both are folded."""
    lines = read_lines(made / name / "messages.jsonl")
    bodies = {index: line["body"] for index, line in enumerate(lines)}

    assert len(lines) == RECORDS[name]
    assert {needle: len(matches(bodies, needle)) for needle in NEEDLES[name]} == NEEDLES[name]
    assert 0 < sum(not body for body in bodies.values()) < 10
    assert len(distinct(lines)) == sum(bool(body.strip()) for body in bodies.values())


def test_there_are_as_many_rooms_and_strings(made: Path) -> None:
    """The same ones in every run."""
    rooms = {line["channel"] for line in read_lines(made / "gitter-rooms" / "messages.jsonl")}
    strings = json.loads((made / "naughty-strings" / "blns.json").read_text("utf-8"))

    assert (len(rooms), len(strings)) == (ROOMS, STRINGS)
    assert len(set(strings)) > STRINGS / 2
