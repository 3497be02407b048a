"""``parley dead-letters``: what it says of a letter, and that no token is printed whole."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from parley.cli import main
from parley.cli.confirming import confirm
from parley.cli.dead_letters import _summary, _tell_page
from parley.cli.letters.contents import burnt, describe, dump, explain
from parley.cli.letters.masking import mask_bytes, mask_text
from parley.domain.errors import ConfigurationError
from parley.domain.events import ChatCreated, ChatDeleted, Entry, MessageEdited, MessagesPosted, Position
from parley.domain.model import Draft
from parley.log.redis.entries import encode_unread
from parley.storage.sharing import DeadLetter

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of nobody
RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
OTHER = "feedfacefeedfacefeedfacefeedface"


def letter(entry: Entry | bytes, number: int | None = 5) -> DeadLetter:
    """Make a letter of an entry, or of bytes that nobody can read."""
    raw = entry if isinstance(entry, bytes) else msgspec.msgpack.encode(entry)
    token, chat = ("", None) if isinstance(entry, bytes) else (entry.token, entry.chat)
    return DeadLetter(7, 0, Position(2, 1), token, chat, number, f"collision in {TOKEN}", 1, raw, 0, 0)


def posted(*bodies: str) -> Entry:
    """Make an entry of messages."""
    return Entry(TOKEN, 3, MessagesPosted(tuple(Draft(body) for body in bodies)))


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PARLEY_DATA_DIR", str(tmp_path / "data"))


@pytest.mark.parametrize("command", [[], ["list"], ["show"], ["replay"], ["discard"]])
def test_help_has_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One that can be typed."""
    assert main(["dead-letters", *command, "--help"]) == 0

    assert "Example: parley dead-letters" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", [["list"], ["show", "1"], ["replay", "1"], ["discard", "1", "--yes"]])
def test_an_embedded_database_has_no_letters(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One sentence says why; no folder is made."""
    assert main(["dead-letters", *command]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert "what cannot be stored is refused at once" in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("arguments", [["show"], ["show", "x"], ["bogus"]])
def test_wrong_usage_is_one_line_and_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr."""
    assert main(["dead-letters", *arguments]) == 2

    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("entry", "described", "numbers"),
    [
        (
            posted("a"),
            "messages posted, message 5 of chat 3 of application 0123****",
            "message 5 of chat 3 of application 0123****",
        ),
        (
            posted("a", "b", "c"),
            "messages posted, message 5 of chat 3 of application 0123****",
            "messages 5 to 7 of chat 3 of application 0123****",
        ),
        (
            Entry(TOKEN, None, ChatCreated("title")),
            "chat created, chat 5 of application 0123****",
            "chat 5 of application 0123****",
        ),
        (Entry(TOKEN, 3, MessageEdited("b"), 5), "message edited, message 5 of chat 3 of application 0123****", None),
        (Entry(TOKEN, 3, ChatDeleted()), "chat deleted, message 5 of chat 3 of application 0123****", None),
        (b"\xc1 nothing", "cannot be read", None),
    ],
)
def test_a_letter_says_what_it_is_about_and_what_a_discard_gives_up(
    entry: Entry | bytes, described: str, numbers: str | None
) -> None:
    """Only what took numbers of its own gives any up."""
    assert describe(letter(entry)) == described
    assert burnt(letter(entry)) == numbers


def test_a_letter_that_can_be_read_is_shown_as_json_without_its_token() -> None:
    """Bodies are shown, to whoever has to decide about them."""
    shown = explain(letter(posted("hello", f"my token is {OTHER}")))

    assert '"body": "hello"' in shown
    assert "0123****" in shown
    assert TOKEN not in shown
    assert OTHER not in shown


def test_a_letter_that_cannot_be_read_says_which_version_can() -> None:
    """If that is known; its bytes say the rest."""
    assert explain(letter(encode_unread(b"2", b"of the future"))) == "This version cannot read it: it is of version 2."
    assert explain(letter(b"\xc1 nothing")) == "This version cannot read it."


def test_bytes_are_shown_as_hex_and_text_with_tokens_masked() -> None:
    """Also where a token goes over the end of a line, and between any bytes."""
    raw = b"x" * 10 + TOKEN.encode() + b"a\x00\xff" + OTHER.encode()

    lines = list(dump(letter(raw), 64))

    assert lines[0] == "00000000  78 78 78 78 78 78 78 78 78 78 30 31 32 33 2a 2a  |xxxxxxxxxx0123**|"
    assert lines[-1] == f"… {len(raw) - 64} bytes more; see them with --bytes {len(raw)}"
    assert b"456789abcdef" not in bytes.fromhex("".join(line[10:57] for line in lines[:-1]))


@pytest.mark.parametrize("token", ["", TOKEN, "short-token"])
def test_masking_keeps_the_length_and_the_first_four(token: str) -> None:
    """Whatever form a token has, if it is known."""
    raw = b"<" + (token or OTHER).encode() + b">"

    masked = mask_bytes(raw, token)

    assert len(masked) == len(raw)
    assert masked.startswith(raw[:5])
    assert set(masked[5:-1]) == {ord("*")}
    assert OTHER not in mask_text(f"reason: {OTHER}", token)


def test_nobody_is_asked_where_nobody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script says --yes, or nothing is done."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    with pytest.raises(ConfigurationError, match="--yes"):
        confirm("Sure?", yes=False)
    assert confirm("Sure?", yes=True)


@pytest.mark.parametrize(
    ("answer", "meant"), [("y\n", True), ("Yes\n", True), ("\n", False), ("", False), ("n\n", False)]
)
def test_only_a_yes_is_one(
    answer: str,
    meant: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Return, and the end of the input, mean no."""
    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", typed)

    assert confirm("Sure?", yes=False) is meant
    result, shown = capsys.readouterr()
    assert result == ""
    assert shown.startswith("Sure? [y/N] ")
    assert ("nothing was changed" in shown) is not meant


async def test_a_long_list_is_read_a_few_letters_at_a_time() -> None:
    """Each may have a MiB, of which a line is told; what was asked for is told all the same, and no more."""
    asked: list[tuple[int, int]] = []

    async def read(after: int, limit: int) -> list[DeadLetter]:
        asked.append((after, limit))
        return [letter(posted("a"))._replace(id=after + 1 + n) for n in range(min(limit, 40 - after))]

    told = await _tell_page(read, 0, 35)
    rest = await _tell_page(read, 35, 35)

    assert [summary["id"] for summary, _ in told] == list(range(1, 36))
    assert [row[0] for _, row in rest] == ["36", "37", "38", "39", "40"]
    assert asked == [(0, 16), (16, 16), (32, 3), (35, 16), (40, 16)]


def test_the_runbook_s_loop_replays_each_letter_of_the_list(tmp_path: Path) -> None:
    """Its filter finds every ID in what ``list --json`` prints, and none in what a letter says."""
    pattern = re.compile(r"^(parley dead-letters list --json .+?done)$", re.MULTILINE | re.DOTALL)
    found = pattern.search(RUNBOOK.read_text("utf-8"))
    assert found is not None
    letters = [letter(posted("x"))._replace(id=id_, reason='has "id":99') for id_ in (7, 12)]
    (tmp_path / "list").write_bytes(msgspec.json.encode([_summary(each) for each in letters]))
    said = 'parley() { if [ "$2" = list ]; then cat list; else echo "$@"; fi; }'

    done = subprocess.run(["/bin/sh", "-c", f"{said}\n{found[1]}"], cwd=tmp_path, capture_output=True, check=True)

    assert done.stdout.decode().splitlines() == ["dead-letters replay 7", "dead-letters replay 12"]
