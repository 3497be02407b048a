"""``parley verify history``: a verdict as a table, as JSON and as an exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parley.cli import main
from tests.support.histories.broken import BROKEN
from tests.support.histories.clean import quiet, through_faults
from tests.support.histories.script import Script, row


def test_valid_is_0_with_a_table_of_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And with what clients felt of each fault."""
    folder = through_faults().write(tmp_path)

    assert main(["verify", "history", str(folder)]) == 0

    out, err = capsys.readouterr()
    assert "page walk" in out
    assert "kill log" in out
    assert out.endswith("valid: every check ran, and none found anything\n")
    assert err == ""


def test_invalid_is_1_with_its_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each in full: what, where, when."""
    folder = BROKEN["phantom"].history.write(tmp_path)

    assert main(["verify", "history", str(folder)]) == 1

    out = capsys.readouterr().out
    assert "phantom: application a, chat 1: get 10/3 read nobody as number 4" in out
    assert out.endswith("invalid: 1 finding\n")


def test_unknown_is_2_with_its_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no better than invalid."""
    assert main(["verify", "history", str(tmp_path)]) == 2

    out = capsys.readouterr().out
    assert "not proven: manifest.json: there is none" in out
    assert out.endswith("unknown: nothing is proven, for the reasons above\n")


def test_a_folder_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and 2."""
    assert main(["verify", "history", "/nowhere"]) == 2

    assert "/nowhere" in capsys.readouterr().err


def test_json_is_one_object_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With every finding, and with the manifest that makes it possible to run it again."""
    folder = BROKEN["gap"].history.write(tmp_path)

    assert main(["verify", "history", str(folder), "--json"]) == 1

    told = json.loads(capsys.readouterr().out)
    assert told["state"] == "invalid"
    assert [finding["check"] for finding in told["findings"]] == ["gaps"]
    assert told["checks"]["gaps"] == 1
    assert told["manifest"]["drained"] is True


def test_twenty_findings_are_shown_and_all_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is counted."""
    script = Script()
    script.do(1, "create_chat", app="a", v=("room",), n=1)
    script.do(1, "list", app="a", chat=1, rows=tuple(row(number, f"nobody{number}") for number in range(1, 31)))
    folder = script.history().write(tmp_path)

    assert main(["verify", "history", str(folder)]) == 1
    few = capsys.readouterr().out
    assert main(["verify", "history", str(folder), "--all"]) == 1
    every = capsys.readouterr().out

    assert few.count("\nphantom: ") == 20
    assert "10 more findings; see them with --all" in few
    assert every.count("\nphantom: ") == 30


def test_a_token_is_not_shown_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the key to the application."""
    token = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of nobody
    script = Script()
    script.do(1, "create_chat", app=token, v=("room",), n=1)
    script.do(1, "list", app=token, chat=0, rows=(row(2, "nobody"), row(1, "room")))

    main(["verify", "history", str(script.history().write(tmp_path))])

    out = capsys.readouterr().out
    assert "application 0123****, its chats" in out
    assert token not in out


def test_progress_is_told_on_a_long_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off a terminal: a line now and then."""
    monkeypatch.setattr("parley.cli.progress._LINE_EVERY_S", 0.0)

    main(["verify", "history", str(quiet().write(tmp_path))])

    err = capsys.readouterr().err
    assert "MB read" in err
    assert "of 13 passes of the checks" in err
