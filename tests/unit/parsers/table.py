"""The parsers of this code: what each takes, how it refuses, what its result promises, and what it may be fed."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import httpx

from parley.cli.client import ApiError, parse_url, read_answer, read_problem
from parley.cli.importing.records import Line, parse_record, read_lines
from parley.cli.lane import parse_retry_after
from parley.cli.letters import contents
from parley.cli.processes.inheritance import parse_inheritance
from parley.database.mysql import address as mysql
from parley.domain.binds import parse_bind
from parley.domain.cursors import NUMBER_MAX, PAGE_MAX, decode_cursor, encode_cursor
from parley.domain.errors import ConfigurationError, InvalidError, MalformedError, ParleyError
from parley.domain.events import Position
from parley.domain.text import fold, is_blank
from parley.domain.urls import split_url
from parley.http import etags, fields, parameters, requests
from parley.http.counting import find_route
from parley.http.paths import read_create_path
from parley.http.wire.framing import RefusedError, check_start
from parley.http.wire.heads import read_head, read_line
from parley.http.wire.limits import Limits
from parley.http.wire.request import Request
from parley.log.redis import durability, entries, packing, urls
from parley.search.opensearch import address as opensearch
from parley.storage.sharing import DeadLetter
from tests.unit.http.exchanges import make_request
from tests.unit.parsers.fragments import FIELDS, HEADERS, JSON, LINES, MSGPACK, PATHS, QUERY, TEXTS, URL

LIMITS: Final = Limits()
HEADER, LINE, BODY, BLOCK = LIMITS.max_header_bytes, LIMITS.max_line_bytes, 65_536, LIMITS.max_header_bytes
SETTING: Final = 4_096


class Parser(NamedTuple):
    """A parser under its full name, on bytes; for one that takes text they are UTF-8, wrong ones as lone surrogates."""

    name: str
    parse: Callable[[bytes], Any]
    refusals: tuple[type[Exception], ...]
    """What it may raise; the rest is a fault."""
    longest: int
    """Bytes that can reach it."""
    fragments: tuple[bytes, ...]
    """Pieces that mean something to it."""
    holds: Callable[[Any], bool] = lambda _: True
    """What a result promises."""


def text(data: bytes) -> str:
    """Decode as file names and arguments are."""
    return data.decode("utf-8", "surrogateescape")


def asked(name: bytes) -> Callable[[bytes], Request]:
    """Give a way to make a request with this header."""
    return lambda value: make_request(method="POST", headers={name: value})


def letter(data: bytes) -> DeadLetter:
    """Make a dead letter of these bytes."""
    return DeadLetter(1, 1, Position(1, 1), "t", 1, 1, "reason", 0, data, 0, 0)


def answer(data: bytes) -> httpx.Response:
    """Make an answer with this body."""
    return httpx.Response(200, content=data, request=httpx.Request("GET", "http://a"))


def query(read: Callable[[dict[str, str]], object]) -> Callable[[bytes], object]:
    """Read a whole query string."""
    return lambda data: read(parameters.read_parameters(data))


def members(read: Callable[[dict[str, Any], bytes], object], wrapper: str | None = None) -> Callable[[bytes], object]:
    """Read a whole body."""
    return lambda data: read(requests.read_object(data, wrapper), data)


_BAD = (MalformedError, InvalidError)

PARSERS: Final = (
    Parser("http.wire.heads.read_line", read_line, (RefusedError,), LINE, LINES),
    Parser("http.wire.heads.read_head", lambda data: read_head(data, 1), (RefusedError,), BLOCK, FIELDS),
    Parser(
        "http.wire.framing.check_start",
        lambda data: check_start(data, 0, LIMITS),
        (RefusedError,),
        28_672,
        LINES + FIELDS,
    ),
    Parser("http.paths.read_create_path", lambda data: read_create_path(text(data)), (), LINE, PATHS),
    Parser("http.counting.find_route", lambda data: find_route(text(data)), (), LINE, PATHS),
    Parser(
        "http.requests.read_number",
        lambda data: requests.read_number(text(data)),
        (),
        LINE,
        (b"0", b"1", b"9", b"-", b"\n"),
        lambda number: number is None or 1 <= number <= NUMBER_MAX,
    ),
    Parser(
        "http.requests.read_wait",
        lambda data: requests.read_wait(asked(b"prefer")(data)),
        (),
        HEADER,
        HEADERS,
        lambda wait_s: wait_s is None or 1 <= wait_s <= 30,
    ),
    Parser(
        "http.requests.read_idempotency_key",
        lambda data: requests.read_idempotency_key(asked(b"idempotency-key")(data)),
        (MalformedError,),
        HEADER,
        HEADERS,
        lambda key: 1 <= len(key) <= 255 and key.isascii() and key.isprintable(),
    ),
    Parser(
        "http.requests.read_object",
        requests.read_object,
        (MalformedError,),
        BODY,
        JSON,
        lambda read: isinstance(read, dict),
    ),
    Parser(
        "http.requests.check_content",
        lambda data: requests.check_content(asked(b"content-type")(data)),
        (ParleyError,),
        HEADER,
        (
            *HEADERS,
            b"application/json",
            b"charset=utf-8",
        ),
    ),
    Parser("http.etags.is_known", lambda data: etags.is_known(b'"a"', data), (), HEADER, HEADERS),
    Parser("http.parameters.read_parameters", parameters.read_parameters, (), LINE, QUERY),
    Parser(
        "http.parameters.read_limit",
        query(parameters.read_limit),
        _BAD,
        LINE,
        QUERY,
        lambda limit: 1 <= limit <= PAGE_MAX,
    ),
    Parser(
        "http.parameters.read_window",
        query(parameters.read_window),
        _BAD,
        LINE,
        QUERY,
        lambda window: 1 <= window.limit <= PAGE_MAX,
    ),
    Parser("http.parameters.read_cursors", query(parameters.read_cursors), _BAD, LINE, QUERY),
    Parser(
        "http.parameters.read_number_above",
        query(lambda each: parameters.read_number_above(each, "after", 0)),
        _BAD,
        LINE,
        QUERY,
    ),
    Parser(
        "http.parameters.read_text",
        query(parameters.read_text),
        _BAD,
        LINE,
        QUERY,
        lambda found: 1 <= len(found) <= 200,
    ),
    Parser("http.fields.read_draft", members(fields.read_draft, "message"), _BAD, BODY, JSON),
    Parser("http.fields.read_drafts", members(fields.read_drafts), _BAD, BODY, JSON),
    Parser(
        "http.fields.read_body",
        members(lambda each, _: fields.read_body(each)),
        _BAD,
        BODY,
        JSON,
        lambda body: not is_blank(body),
    ),
    Parser("http.fields.read_title", members(lambda each, _: fields.read_title(each)), _BAD, BODY, JSON),
    Parser("http.fields.read_name", members(lambda each, _: fields.read_name(each)), _BAD, BODY, JSON),
    Parser(
        "domain.cursors.decode_cursor",
        lambda data: (decode_cursor(text(data)), text(data)),
        (MalformedError,),
        LINE,
        (b"MTo3", b"MTo", b"=", b"-", b"_", b"A", b"\xff"),
        lambda read: encode_cursor(read[0]) == read[1],
    ),
    Parser("domain.text.fold", lambda data: fold(text(data)), (), BODY, TEXTS),
    Parser("domain.text.is_blank", lambda data: is_blank(text(data)), (), BODY, TEXTS),
    Parser("domain.binds.parse_bind", lambda data: parse_bind(text(data)), (ValueError,), SETTING, URL),
    Parser("domain.urls.split_url", lambda data: split_url(text(data)), (ValueError,), SETTING, URL),
    Parser(
        "log.redis.urls.parse_url",
        lambda data: urls.parse_url(f"redis://{text(data)}"),
        (ConfigurationError,),
        SETTING,
        URL,
    ),
    Parser(
        "database.mysql.address.parse_address",
        lambda data: mysql.parse_address(f"mysql://{text(data)}"),
        (ConfigurationError,),
        SETTING,
        URL,
    ),
    Parser(
        "search.opensearch.address.parse_address",
        lambda data: opensearch.parse_address(f"http://{text(data)}"),
        (ConfigurationError,),
        SETTING,
        URL,
    ),
    Parser(
        "log.redis.entries.read_id",
        lambda data: entries.read_id(b"%d-%d" % (len(data), len(data))),
        (),
        SETTING,
        (b"0",),
    ),
    Parser(
        "log.redis.entries.read_entry",
        lambda data: entries.read_entry(1, b"5-1", [b"1", bytes(20) + data]),
        (),
        BODY,
        MSGPACK,
        lambda logged: logged.event is not None or logged.raw is not None,
    ),
    Parser("log.redis.entries.read_again", lambda data: entries.read_again(Position(1, 1), data), (), BODY, MSGPACK),
    Parser("cli.letters.contents.read_entry", lambda data: contents.read_entry(letter(data)), (), BODY, MSGPACK),
    Parser("cli.letters.contents.explain", lambda data: contents.explain(letter(data)), (), BODY, MSGPACK),
    Parser(
        "log.redis.packing.read_outcomes",
        lambda data: packing.read_outcomes(1, data),
        (struct.error, KeyError),
        BODY,
        (b"\0", b"\1", b"\7"),
    ),
    Parser("log.redis.durability.read_info", durability.read_info, (), BODY, (b":", b"\r\n", b"#", b"a", b"\xff")),
    Parser(
        "cli.importing.records.read_lines",
        lambda data: list(read_lines(io.BytesIO(data))),
        (),
        LINE,
        (*JSON, b"\n", b"\r"),
    ),
    Parser(
        "cli.importing.records.parse_record",
        lambda data: parse_record(Line(1, data, too_long=False), "d"),
        (),
        BODY,
        (
            *JSON,
            b'"source_id":',
            b'"channel":',
            b'"sender":',
        ),
    ),
    Parser("cli.client.parse_url", lambda data: parse_url(text(data)), (ParleyError,), SETTING, URL),
    Parser("cli.client.read_problem", lambda data: read_problem(answer(data)), (), BODY, JSON),
    Parser("cli.client.read_answer", lambda data: read_answer(answer(data), dict), (ApiError,), BODY, JSON),
    Parser(
        "cli.lane.parse_retry_after",
        lambda data: parse_retry_after(text(data), 0.0),
        (),
        HEADER,
        (b"0", b"9", b"-", b"Mon, ", b"01 Jan 1970 ", b"00:00:00", b" GMT", b" +2359", b"9999", b":"),
        lambda wait_s: wait_s >= 0,
    ),
    Parser(
        "cli.processes.inheritance.parse_inheritance",
        lambda data: parse_inheritance(text(data)),
        (ConfigurationError,),
        SETTING,
        (
            b"1",
            b",",
            b":",
            b"-",
            b" ",
            b"\xd9\xa1",
        ),
    ),
)

NOT_PARSERS: Final = {
    "database.migrations.read_migrations": "reads files of this package",
    "log.redis.durability.read_settings": "takes what the driver has parsed",
    "search.opensearch.banner.read_banner": "takes what the driver has parsed",
    "storage.counting.read_counts": "takes rows of the database",
    "storage.holding.read_holdings": "takes rows of the database",
    "storage.mysql.audit.changed.read_changed": "takes rows of the database",
}
"""Functions that are named like parsers, and why they are none."""
