"""How a loop shows where it is."""

from __future__ import annotations

import asyncio
import io

import pytest

from parley.cli.benching.progress import progress


class Terminal(io.StringIO):
    """A screen that tells when something new is on it."""

    def __init__(self) -> None:
        """Be empty."""
        super().__init__()
        self.drawn = asyncio.Event()

    def isatty(self) -> bool:
        """Say so."""
        return True

    def write(self, text: str) -> int:
        """Take it."""
        if "answers/s" in text:
            self.drawn.set()
        return super().write(text)


async def test_loop_is_a_line_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """One, when it begins; nothing on stdout."""
    async with progress("closed loop over 4 connections", 10, lambda: 7):
        pass

    assert capsys.readouterr() == ("", "parley: closed loop over 4 connections, 10 s\n")


async def test_loop_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the seconds that have passed and the rate so far."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)

    async with progress("closed loop over 4 connections", 10, lambda: 0):
        await asyncio.wait_for(screen.drawn.wait(), 5)

    assert " 0/10" in screen.getvalue()
    assert " s, closed loop over 4 connections, 0 answers/s" in screen.getvalue()
