"""Log lines: one escaped line an event, JSON for machines or coloured for people, on stderr.

Everybody logs through ``structlog.get_logger(__name__)`` or ``logging.getLogger(__name__)``; both
end in the same line. Request ids are bound with ``structlog.contextvars.bind_contextvars`` where a
task serves the request, and given as ``request_id=`` elsewhere. Tokens are masked whoever logs
them; bodies are never handed to a log. Requests that succeed are counted, not logged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "****"

_TOKEN: Final = re.compile(r"(?<![0-9A-Za-z])([0-9A-Fa-f]{4})[0-9A-Fa-f]{28}(?![0-9A-Za-z])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROL_BUT_LINES: Final = re.compile(rf"(?!\n){_CONTROL.pattern}")
_QUIET: Final = ("asyncio", "litestar", "httpx", "httpcore")
"""Libraries that speak of every request, or of their own debugging; their warnings are kept."""


def configure_logs(
    log_format: Literal["auto", "json", "human"], level: Literal["debug", "info", "warning", "error"], stream: TextIO
) -> None:
    """Send every log line of the process to ``stream``; ``auto`` writes for people on a terminal only."""
    is_human = log_format == "human" or (log_format == "auto" and stream.isatty())
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *(_human(colors=stream.isatty()) if is_human else _JSON),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask_tokens(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep the first four digits of whatever looks like a token, in every string at any depth.

    A request id is left alone: clients make theirs of 32 digits too, and find their lines by it.
    """
    return {key: value if key == "request_id" else _masked(value) for key, value in event.items()}


def escape_lines(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    r"""Write control characters as ``\n`` or ``\x1b``, so that no value starts a line or moves a cursor.

    A traceback keeps its lines.
    """
    return {
        key: (_CONTROL_BUT_LINES if key in _TRACEBACKS else _CONTROL).sub(_escape, value)
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _masked(value: object) -> object:
    if isinstance(value, str):
        return _TOKEN.sub(rf"\1{MASK}", value)
    if isinstance(value, Mapping):
        return {_masked(key): _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    return value if isinstance(value, int | float | None) else _TOKEN.sub(rf"\1{MASK}", str(value))


def _escape(matched: re.Match[str]) -> str:
    return matched[0].encode("unicode_escape").decode("ascii")


def _order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {key: event.pop(key) for key in ("time", "level", "event", "request_id") if key in event}
    return {**first, **event}


def _shorten_time(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["time"] = f"{event['time'][:-4]}Z"
    return event


def _human(*, colors: bool) -> list[Processor]:
    plain = structlog.dev.plain_traceback
    return [escape_lines, structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time", exception_formatter=plain)]


_TRACEBACKS: Final = ("exception", "stack")

_SHARED: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    _shorten_time,
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    structlog.processors.UnicodeDecoder(),
    mask_tokens,
    _order,
]

_JSON: Final[list[Processor]] = [structlog.processors.JSONRenderer()]
