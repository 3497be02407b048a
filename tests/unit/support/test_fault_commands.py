"""The faults' command line: what it refuses before anything is started."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import main


@pytest.mark.parametrize(
    ("command", "known"), [("run", "f7-server-away"), ("list", "f7-server-away"), ("controls", "insert-ignore")]
)
def test_a_pattern_that_fits_nothing_is_told(command: str, known: str) -> None:
    """A run of no cell would end well, and no cell is no proof."""
    with pytest.raises(SystemExit, match=rf"--only F7\*: no name fits\. There are: .*{known}"):
        main([command, "--only", "F7*"])
