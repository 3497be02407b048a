"""Lines of a file become requests, or rejections with a reason."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from parley.cli.importing import records
from parley.cli.importing.records import Line, Record, Rejection, make_key, parse_record, read_lines, survey


def parse(data: bytes) -> Record | Rejection:
    """Parse as line 7 of the file with digest d1."""
    return parse_record(Line(7, data, too_long=False), "d1")


def accept(data: bytes) -> tuple[Record, dict[str, object]]:
    """Give the record and its decoded payload."""
    record = parse(data)
    assert isinstance(record, Record)
    return record, json.loads(record.payload)


def test_record_keeps_sender_time_and_source_id() -> None:
    """The sender has its own member; the time and the source id go into the metadata."""
    line = b'{"channel":"c","sender":"ann","sent_at":"2015-04-04T16:31:22.176Z","body":" hi ","source_id":"x1"}'

    record, payload = accept(line)

    assert (record.line, record.channel, record.key, record.data) == (7, "c", "x1", line)
    assert payload == {
        "body": " hi ",
        "sender": "ann",
        "metadata": {"sent_at": "2015-04-04T16:31:22.176Z", "source_id": "x1"},
    }


def test_record_keeps_unknown_members_as_they_were_written() -> None:
    """Numbers and members of unknown values are passed on byte for byte, in their order."""
    record, _ = accept(b'{"z":1e2,"body":"b","a":{"n":-0,"big":123456789012345678901234567890}}')

    metadata = b'"metadata":{"z":1e2,"a":{"n":-0,"big":123456789012345678901234567890}}'
    assert metadata in record.payload


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "9" * 5_000])
def test_record_keeps_numbers_that_nothing_holds(number: str) -> None:
    """As the server does; they were rejected as "not a JSON object"."""
    record = parse(b'{"body":"b","n":%s}' % number.encode())

    assert isinstance(record, Record)
    assert b'"metadata":{"n":%s}' % number.encode() in record.payload
    assert isinstance(parse(b'{"body":"\\ud800","n":%s}' % number.encode()), Rejection)


def test_record_leaves_out_what_is_null() -> None:
    """Null and absent are the same: no sender, no metadata, no channel, no source id."""
    record, payload = accept(b'{"body":"b","sender":null,"channel":null,"sent_at":null,"source_id":null}')

    assert payload == {"body": "b"}
    assert record.channel is None
    assert record.key == "import-d1:7"


def test_record_is_sent_as_utf_8_without_escapes() -> None:
    """What the file escapes is not escaped in the request."""
    record, _ = accept(rb'{"body":"\u043f\ud83c\udf63\u2028"}')

    assert record.payload == '{"body":"п🍣\u2028"}'.encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"body":', "the line is not JSON"),
        (b'{"body":"x"} x', "the line is not JSON"),
        (b"[1]", "the line is not a JSON object"),
        (b'"text"', "the line is not a JSON object"),
        (rb'{"body":"\ud800"}', "the line is not JSON"),
        (rb'{"body":"b","other":["\ud800"]}', "the line is not JSON"),
        (b'{"body":"b","other":"\xff"}', "the line is not JSON"),
        (b'{"body":' + b"[" * 100_000, "the line is not JSON: nested too deeply"),
        (b'{"body":"b","channel":3}', "channel must be a string"),
        (b'{"body":"b","source_id":true}', "source_id must be a string or a whole number"),
        (b'{"body":"b","source_id":[1]}', "source_id must be a string or a whole number"),
    ],
)
def test_record_is_rejected_when_it_cannot_be_read(data: bytes, reason: str) -> None:
    """The rejection has the line, its number and why."""
    rejection = parse(data)

    assert isinstance(rejection, Rejection)
    assert (rejection.line, rejection.data, rejection.status) == (7, data, None)
    assert rejection.reason.startswith(reason)


def test_source_id_may_be_a_whole_number() -> None:
    """Zero counts as an id; an empty text does not."""
    assert accept(b'{"body":"b","source_id":0}')[0].key == "0"
    assert accept(b'{"body":"b","source_id":""}')[0].key == "import-d1:7"


@pytest.mark.parametrize("text", ["x", "~", "import-chat:two words", "a" * 255, "552011da1f582983259f3e39"])
def test_key_is_the_text_itself_where_it_fits(text: str) -> None:
    """Printable ASCII up to 255 characters needs no digest."""
    assert make_key(text) == text


@pytest.mark.parametrize("text", ["", " x", "x ", 'say "x"', "a" * 256, "привет", "a\nb", "a\x7f"])
def test_key_is_a_digest_where_the_text_does_not_fit(text: str) -> None:
    """Quotes and outer spaces count as unfit: a server may read them as syntax."""
    key = make_key(text)

    assert key.startswith("blake2b-")
    assert make_key(key) == key
    assert key == make_key(text) != make_key(text + "x")


def test_lines_are_split_at_line_feeds_only() -> None:
    """U+2028, NEL, vertical tab and carriage return are parts of a line; the byte order mark is not."""
    file = io.BytesIO("\ufeffa\u2028b\x85c\x0bd\re\n\nlast".encode())

    lines = list(read_lines(file))

    assert [line.data.decode() for line in lines] == ["a\u2028b\x85c\x0bd\re", "", "last"]
    assert [line.number for line in lines] == [1, 2, 3]


@pytest.mark.parametrize("end", [b"\n", b""])
def test_line_beyond_the_limit_is_cut_and_the_next_one_is_whole(end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a line is, it is never in memory as a whole."""
    monkeypatch.setattr(records, "LINE_MAX_BYTES", 8)
    file = io.BytesIO(b"12345678\n" + b"x" * 100 + b"\nnext\n" + b"y" * 9 + end)

    lines = list(read_lines(file))

    assert [(line.number, line.data, line.too_long) for line in lines] == [
        (1, b"12345678", False),
        (2, b"xxxxxxxx", True),
        (3, b"next", False),
        (4, b"yyyyyyyy", True),
    ]


def test_line_beyond_the_limit_is_rejected() -> None:
    """The reason names the limit."""
    rejection = parse_record(Line(1, b'{"body":"b"}', too_long=True), "d")

    assert isinstance(rejection, Rejection)
    assert str(records.LINE_MAX_BYTES) in rejection.reason


@pytest.mark.parametrize(("text", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_survey_counts_the_lines_that_are_read(text: bytes, lines: int, tmp_path: Path) -> None:
    """A last line without a line feed counts as well."""
    path = tmp_path / "f"
    path.write_bytes(text)

    assert survey(path).lines == lines == len(list(read_lines(io.BytesIO(text))))


def test_survey_tells_files_apart(tmp_path: Path) -> None:
    """One changed byte is another file."""
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    (tmp_path / "b").write_bytes(b"x" * 2_999_999 + b"y")

    assert survey(tmp_path / "a").digest != survey(tmp_path / "b").digest
