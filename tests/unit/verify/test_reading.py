"""What cannot be read whole proves nothing, and says which line it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.verify.verdict import verify
from tests.support.histories.clean import quiet

INVOKE = '{"p":7,"i":1,"t":"invoke","f":"post","ns":5,"app":"a","chat":1,"v":["x"]}'
OK = '{"p":7,"i":1,"t":"ok","f":"post","ns":6,"n":9}'
INFO = '{"p":7,"i":1,"t":"info","f":"post","ns":6}'
NEXT = '{"p":7,"i":2,"t":"invoke","f":"get","ns":9,"app":"a","chat":1,"n":1}'


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([INVOKE[:40]], "more.jsonl:1: cannot be read: "),
        (["\udcff"], "more.jsonl:1: cannot be read: "),
        (["[" * 5_000], "more.jsonl:1: cannot be read: "),
        ([INVOKE, OK, ""], "more.jsonl:3: cannot be read: "),
        ([OK], "more.jsonl:1: post 7/1 was never invoked"),
        ([INVOKE, OK, OK], "more.jsonl:3: post 7/1 has a second completion"),
        ([INVOKE, INVOKE], "more.jsonl:2: post 7/1 is invoked again, or after a later one"),
        ([INVOKE, NEXT], "more.jsonl:2: get 7/2 begins before its client's operation 1 has ended"),
        ([INVOKE, INFO, NEXT], "more.jsonl:3: get 7/2 follows an unknown outcome, and must be of a new client"),
        ([INVOKE, OK.replace('"ns":6', '"ns":4')], "more.jsonl:2: post 7/1 was invoked as post at 5"),
        ([INVOKE, OK.replace("post", "get")], "more.jsonl:2: get 7/1 was invoked as post at 5"),
        ([INVOKE.replace('"p":7', '"p":1')], "more.jsonl:1: client 1 is in another file, too"),
        ([INVOKE.replace('"post"', '"shout"')], "more.jsonl:1: cannot be read: Invalid enum value 'shout'"),
        ([INVOKE, OK.replace(',"n":9', "")], "post 7/1 does not name the number that was given"),
        ([INVOKE.replace('"chat":1,', "")], "post 7/1 does not name a chat"),
        ([NEXT.replace(',"n":1', "")], "get 7/2 does not name a number"),
        ([NEXT.replace("get", "delete_chat").replace('"chat":1,"n":1', '"chat":0')], "delete_chat 7/2 does not name a"),
        ([NEXT.replace("get", "final")], "final 7/2 does not name one of the sources pages, singles, sql, index"),
        (
            ['{"p":0,"i":1,"t":"ok","f":"fault_off","ns":5,"svc":"x"}'],
            "more.jsonl:1: the fault 'x' ends without having",
        ),
        ([INVOKE.replace('"x"', '"v1"')], "post 1/3 tries post 7/1 again without its key"),
        ([INVOKE.replace('"x"', '"v1"').replace(":1,", ":2,")], "post 1/3 writes a value that post 7/2 writes, too"),
    ],
)
def test_a_damaged_recording_is_unknown_and_names_the_line(tmp_path: Path, lines: list[str], reason: str) -> None:
    """Even if the rest of it would be valid, or invalid."""
    folder = quiet().write(tmp_path)
    text = "".join(f"{line}\n" for line in lines)
    (folder / "more.jsonl").write_bytes(text.encode(errors="surrogateescape"))

    verdict = verify(folder)

    assert verdict.state == "unknown"
    assert verdict.reasons[0].startswith(reason)


def test_an_operation_without_completion_has_an_unknown_outcome(tmp_path: Path) -> None:
    """A client may be killed: that is no damage."""
    folder = quiet().write(tmp_path)
    (folder / "more.jsonl").write_text(f"{INVOKE}\n")

    verdict = verify(folder)

    assert verdict.state == "valid"
    assert verdict.totals is not None
    assert verdict.totals.unknown == 1


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (None, "manifest.json: there is none"),
        ("{", "manifest.json: Input data was truncated"),
        ('{"format": 2}', "manifest.json: its format is 2, and this version reads 1"),
        ('{"level": "maybe"}', "manifest.json: Invalid enum value 'maybe'"),
    ],
)
def test_without_a_manifest_nothing_is_read(tmp_path: Path, manifest: str | None, reason: str) -> None:
    """Nobody has said what may be expected."""
    folder = quiet().write(tmp_path)
    (folder / "manifest.json").unlink()
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)

    verdict = verify(folder)

    assert verdict.state == "unknown"
    assert verdict.reasons[0].startswith(reason)


def test_a_recording_without_events_is_unknown(tmp_path: Path) -> None:
    """An empty proof is none."""
    (tmp_path / "manifest.json").write_text("{}")

    assert verify(tmp_path).reasons[0] == "*.jsonl: there is none"
    assert verify(tmp_path).state == "unknown"


def test_operations_are_paired_within_their_file(tmp_path: Path) -> None:
    """A client process writes a file of its own; together they are one history."""
    folder = quiet().write(tmp_path)
    lines = (folder / "clients.jsonl").read_text().splitlines(keepends=True)
    finals = [line for line in lines if '"p":9' in line]
    (folder / "clients.jsonl").write_text("".join(line for line in lines if line not in finals))
    (folder / "final.jsonl").write_text("".join(finals))

    assert verify(folder).state == "valid"


def test_a_missing_row_that_was_read_as_404_counts_as_an_answer(tmp_path: Path) -> None:
    """Whether the recorder calls that ok or fail."""
    history = quiet()
    place = (1, 4)
    gets = [event for event in history.events if (event.p, event.i) == place]
    assert gets[0].f == "get"

    for kind in ("ok", "fail"):
        history.named["the get"] = place
        verdict = verify(history.answered("the get", t=kind, http=404, rows=()).write(tmp_path / kind))
        assert verdict.checks["read your write"] == 1
