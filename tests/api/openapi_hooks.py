"""What the schema cannot say to a generator: a key belongs to one request, and text is text."""

from __future__ import annotations

import itertools
import re
import secrets
from typing import Any

import schemathesis

KEY = re.compile(r'[!#-~]([ -~]{0,253}[!-~])?|"([ !#-\[\]-~]|\\["\\]){1,255}"')
_run = secrets.token_hex(8)
_requests = itertools.count()


@schemathesis.hook
def before_call(context: object, case: Any, kwargs: object) -> None:  # noqa: ANN401 - untyped there
    """Give each request with a well-formed Idempotency-Key one of its own: a used one is 422 by right."""
    del context, kwargs
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and KEY.fullmatch(key):
        case.headers["Idempotency-Key"] = f"{_run}-{next(_requests)}"


@schemathesis.deserializer("text/html", "text/css", "text/plain")
def read_text(context: object, response: Any) -> str:  # noqa: ANN401 - untyped there
    """Let the bodies of pages be held against their schema, too."""
    del context
    return str(response.text)
