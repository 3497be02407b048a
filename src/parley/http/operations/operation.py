"""What an operation of the full API is, and the parts that many share."""

from __future__ import annotations

from typing import Final, NamedTuple

PREFIXES: Final = ("/api/v1/chat_applications", "/api/v1/applications")
"""The spelling of ``A`` that is documented, and its alias."""

TOKEN: Final = "/{token}"  # noqa: S105 - a path
CHATS: Final = TOKEN + "/chats"
CHAT: Final = CHATS + "/{chat}"
MESSAGES: Final = CHAT + "/messages"
MESSAGE: Final = MESSAGES + "/{number}"

READ: Final = ("If-None-Match", "X-Request-Id")
WRITE: Final = ("Prefer", "X-Request-Id")
CREATE: Final = ("Idempotency-Key", "Prefer", "X-Request-Id")
DEGRADED: Final = "Parley-Degraded"
FOUND: Final = ("ETag", DEGRADED)
PAGE: Final = ("ETag", "Link", DEGRADED)
WRITTEN: Final = ("Parley-Durability", "Preference-Applied")
CREATED: Final = ("Location", *WRITTEN, "Idempotent-Replayed", DEGRADED)

ALSO_PUT: Final = "PUT does the same."


class Good(NamedTuple):
    """The answer to a good request; ``schema`` is ``None`` when there is no body."""

    status: int
    description: str
    schema: str | None = None
    is_list: bool = False
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


class Operation(NamedTuple):
    """One thing a client can do."""

    name: str
    """Name of the handler and, for the first method, the operation's id."""
    methods: tuple[str, ...]
    path: str
    """Below ``A``, or from the root where ``tag`` is ``service``."""
    tag: str
    summary: str
    description: str
    good: Good
    errors: tuple[int, ...]
    """Statuses besides those that every operation has."""
    query: str | None = None
    headers: tuple[str, ...] = ()
    body: str | None = None
    needs_body: bool = True
    example: str = ""
    is_create: bool = False
    """Answered in front of Litestar, by the routes that both ports share."""
    needs_admin: bool = False

    @property
    def documented_path(self) -> str:
        """The path with the spelling of ``A`` that is documented."""
        return self.paths[0]

    @property
    def paths(self) -> list[str]:
        """Every path: below ``A`` there are two spellings."""
        return [self.path] if self.tag == "service" else [prefix + self.path for prefix in PREFIXES]


def getting(what: str, path: str) -> Operation:
    """Describe how one application, chat or message is read."""
    return Operation(
        f"get_{what}",
        ("GET",),
        path,
        f"{what}s",
        f"Get {_an(what)}",
        "",
        Good(200, f"The {what}.", what.capitalize(), headers=FOUND),
        (404,),
        headers=READ,
    )


def deleting(what: str, path: str, description: str, *, is_event: bool = True) -> Operation:
    """Describe how one is deleted; ``is_event`` says that it goes over the log, which may leave it unknown."""
    return Operation(
        f"delete_{what}",
        ("DELETE",),
        path,
        f"{what}s",
        f"Delete {_an(what)}",
        description,
        Good(204, "It is gone.", headers=WRITTEN),
        (404, 504) if is_event else (404,),
        headers=WRITE,
    )


def _an(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
