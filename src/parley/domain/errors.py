"""Everything that can go wrong, as one tree that answers "may I retry?".

ParleyError                     code, detail; what a client may be told
├── RejectedError               the request is wrong; the same request fails again
│   ├── MalformedError          400  not JSON, not an object, a bad header or cursor
│   ├── InvalidError            422  a member has a wrong type or value; names the members
│   ├── NotFoundError           404  the application, chat or message is not there
│   ├── NothingToUpdateError    422  the body names nothing that can be changed
│   ├── KeyReusedError          422  the idempotency key belongs to another payload
│   ├── MediaTypeError          415  another content type or encoding than JSON
│   ├── TooLargeError           413  the body is above the limit
│   ├── UnauthorizedError       401  the admin token is missing or wrong
│   └── ForbiddenError          403  the host may not do this
├── UnavailableError            503  nothing was written; retry after ``retry_after_s``
├── ConflictError               409  the first request with this key is still in flight
├── OutcomeUnknownError         504  it may have been written; retry with the same key
└── ConfigurationError          start is refused; the text says what to change
"""

from __future__ import annotations


class ParleyError(Exception):
    """The root: ``code`` is stable and snake_case, ``detail`` is one sentence for people."""

    code = "internal_error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        """Keep the sentence and, where the class's own code is too wide, a closer one."""
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class RejectedError(ParleyError):
    """The request itself is wrong: sending it again gives the same answer."""


class MalformedError(RejectedError):
    """The request cannot be understood at all."""

    code = "malformed_request"


class InvalidError(RejectedError):
    """Members of the body or the query have a wrong type or value."""

    code = "validation_failed"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        """Keep the sentences by member name, as ``{"body": ["can't be blank"]}``."""
        name, sentences = next(iter(errors.items()))
        super().__init__(f"{name} {sentences[0]}")
        self.errors = errors


class NotFoundError(RejectedError):
    """A resource is not there, or not for this caller: both look the same."""

    def __init__(self, what: str) -> None:
        """Take ``ChatApplication``, ``Chat`` or ``Message``."""
        super().__init__(f"{what} not found", code=_NOT_FOUND_CODES[what])


_NOT_FOUND_CODES = {
    "ChatApplication": "application_not_found",
    "Chat": "chat_not_found",
    "Message": "message_not_found",
}


class NothingToUpdateError(RejectedError):
    """A change was asked for that changes nothing."""

    code = "nothing_to_update"

    def __init__(self) -> None:
        """Use the sentence that older clients know."""
        super().__init__("No attributes to update")


class KeyReusedError(RejectedError):
    """An idempotency key came back with another payload."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        """Say which rule was broken."""
        super().__init__("Idempotency-Key was used with another request")


class MediaTypeError(RejectedError):
    """The body is not plain JSON."""

    code = "unsupported_media_type"


class TooLargeError(RejectedError):
    """The request body is above the limit."""

    code = "body_too_large"


class UnauthorizedError(RejectedError):
    """The admin token is missing or wrong."""

    code = "unauthorized"


class ForbiddenError(RejectedError):
    """The caller may not do that here."""

    code = "forbidden"


class UnavailableError(ParleyError):
    """A part that is needed is away or full: nothing was written."""

    code = "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after_s: int = 1) -> None:
        """Keep how long a client should wait, in seconds."""
        super().__init__(detail, code=code)
        self.retry_after_s = retry_after_s


class ConflictError(ParleyError):
    """The first request with this idempotency key has no outcome yet."""

    code = "request_in_flight"


class OutcomeUnknownError(ParleyError):
    """The write was sent and not settled in time: it may exist."""

    code = "outcome_unknown"


class ConfigurationError(ParleyError):
    """The process cannot start like this; ``detail`` says what to change."""

    code = "configuration"
