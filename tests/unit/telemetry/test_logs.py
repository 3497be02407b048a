"""Log lines: one a event, escaped, with no token in them."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from parley.telemetry.logs import configure_logs

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of nobody
NASTY = "a\nb\x1b[31mred\x00\u2028\u202e\x85"
_EVENT = f"created {TOKEN}"
Format = Literal["json", "human"]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Give what is logged to, and put everything back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_event_is_one_json_line(stream: io.StringIO) -> None:
    """With UTC time in milliseconds, level and values, whatever they contain."""
    configure_logs("json", "info", stream)

    structlog.get_logger("parley.x").info(NASTY, path=NASTY, count=3, nothing=None)

    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info", "event": NASTY, "path": NASTY, "count": 3, "nothing": None, "logger": "parley.x",
    }  # fmt: skip


@pytest.mark.parametrize("log_format", ["json", "human"])
def test_value_cannot_begin_a_line_or_move_the_cursor(log_format: Format, stream: io.StringIO) -> None:
    """No control character is written as it is."""
    configure_logs(log_format, "info", stream)

    structlog.get_logger().info(NASTY, path=NASTY, nested={"a": [NASTY]})
    logging.getLogger("x").warning("said %s", NASTY)

    written = stream.getvalue()
    assert written.count("\n") == 2
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", written)


@pytest.mark.parametrize("log_format", ["json", "human"])
def test_token_is_masked_wherever_it_stands(log_format: Format, stream: io.StringIO) -> None:
    """In the event, in values, in values of values, and in tracebacks."""
    configure_logs(log_format, "info", stream)
    log = structlog.get_logger()

    log.info(_EVENT, token=TOKEN, path=f"/api/v1/applications/{TOKEN}/chats", deep={"a": [TOKEN, {TOKEN: 1}]})
    log.info("object", thing=ValueError(TOKEN), upper=TOKEN.upper())
    logging.getLogger("x").warning("said %s", TOKEN, extra={"token": TOKEN})
    log.error("failed", exc_info=ValueError(f"no {TOKEN} here"))
    logging.getLogger("x").error("failed", exc_info=ValueError(f"no {TOKEN} here"))

    written = stream.getvalue().lower()
    assert TOKEN not in written
    assert "0123****" in written
    assert written.count("0123****") >= 11


def test_what_only_looks_like_a_token_is_left_alone(stream: io.StringIO) -> None:
    """Longer digests, UUIDs, and the request id, which clients choose."""
    configure_logs("json", "info", stream)

    structlog.get_logger().info("x", request_id=TOKEN, digest=TOKEN * 2, uuid="01234567-89ab-cdef-0123-456789abcdef")

    (line,) = lines(stream)
    assert (line["request_id"], line["digest"]) == (TOKEN, TOKEN * 2)
    assert line["uuid"] == "01234567-89ab-cdef-0123-456789abcdef"


def test_request_id_is_in_every_line_of_its_request(stream: io.StringIO) -> None:
    """Bound to the task, or given as a value, through either library."""
    configure_logs("json", "info", stream)

    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("a")
        logging.getLogger("x").warning("b")
    logging.getLogger("x").warning("c", extra={"request_id": "r2"})
    structlog.get_logger().info("d")

    assert [line.get("request_id") for line in lines(stream)] == ["r1", "r1", "r2", None]


def test_traceback_is_one_json_line(stream: io.StringIO) -> None:
    """Of either library."""
    configure_logs("json", "info", stream)

    for log in (structlog.get_logger(), logging.getLogger("x")):
        log.error("failed", exc_info=ValueError("why"))

    assert [line["event"] for line in lines(stream)] == ["failed", "failed"]
    assert all("ValueError: why" in line["exception"] for line in lines(stream))


def test_level_is_kept(stream: io.StringIO) -> None:
    """Nothing below it is written, by either library."""
    configure_logs("json", "warning", stream)

    for log in (structlog.get_logger(), logging.getLogger("x")):
        log.info("quiet")
        log.warning("loud")

    assert [line["event"] for line in lines(stream)] == ["loud", "loud"]


def test_libraries_do_not_speak_of_every_request(stream: io.StringIO) -> None:
    """Their warnings are kept."""
    configure_logs("json", "debug", stream)

    for name in ("httpx", "asyncio"):
        logging.getLogger(name).info("request sent")
        logging.getLogger(name).error("trouble")

    assert [line["event"] for line in lines(stream)] == ["trouble", "trouble"]


def test_warning_of_python_is_a_line(stream: io.StringIO) -> None:
    """It does not write past the log."""
    configure_logs("json", "info", stream)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    (line,) = lines(stream)
    assert "DeprecationWarning: old" in line["event"]
    logging.captureWarnings(capture=False)


def test_auto_writes_json_off_a_terminal(stream: io.StringIO) -> None:
    """And for people on one."""
    configure_logs("auto", "info", stream)
    structlog.get_logger().info("x")

    assert lines(stream)[0]["event"] == "x"

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    configure_logs("auto", "info", terminal)
    structlog.get_logger().info("x")
    assert not terminal.getvalue().startswith("{")
    assert "x" in terminal.getvalue()
