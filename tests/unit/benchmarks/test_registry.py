"""The cells: an hour is enough for them, and each has a name of its own."""

from __future__ import annotations

import pytest

from benchmarks.suite.registry import QUICK, chosen


@pytest.mark.parametrize("command", ["run", "scale"])
def test_a_run_fits_into_an_hour(command: str) -> None:
    """What the cells say they take, all together."""
    assert sum(cell.budget_s for cell in chosen(command)) <= 3_600


def test_every_cell_has_a_name_of_its_own() -> None:
    """A name is a file."""
    names = [cell.name for cell in chosen("list")]

    assert len(set(names)) == len(names)


def test_a_pattern_chooses() -> None:
    """Of a command's cells only."""
    assert [cell.name for cell in chosen("run", "reads-*")] == ["reads-embedded", "reads-mariadb"]
    assert {cell.name for cell in chosen("quick")} == set(QUICK)


def test_a_pattern_that_fits_nothing_is_told() -> None:
    """A run of nothing would end well, and a slip of the pen would pass for a measurement."""
    with pytest.raises(SystemExit, match=r"--only raeds-\*: no name fits\. There are: .*reads-embedded"):
        chosen("run", "raeds-*")
