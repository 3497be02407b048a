"""Asks the engine over HTTP, and says what went wrong in the project's own errors."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeVar, cast

import msgspec
from aiohttp import ClientSSLError
from opensearchpy import AsyncConnection, AsyncOpenSearch
from opensearchpy.exceptions import OpenSearchException, TransportError

from parley.domain.errors import UnavailableError
from parley.search.opensearch.address import Address

CODE: Final = "search_unavailable"
ANSWER_TIMEOUT_S: Final = 4.0
"""For a search or a look: a request has 5 s as a rule, and is to be told which part was too slow."""

WORK_TIMEOUT_S: Final = 60.0
"""For storing, removing, and making indexes."""

_CONNECTIONS: Final = 16
_LINES: Final = {"content-type": "application/x-ndjson"}

Answer = dict[str, Any]
Kind = TypeVar("Kind")


class RefusedError(UnavailableError):
    """The engine answered, with an error: its HTTP status and the name it gives to the error."""

    def __init__(self, status: int, kind: str) -> None:
        """Keep both; what the engine says beside may quote messages and is left out."""
        super().__init__(f"The search engine answered {status} {kind}".rstrip(), code=CODE)
        self.status = status
        self.kind = kind


class UntrustedError(UnavailableError):
    """The engine's certificate is not believed, or there is no TLS where it should be."""


class Wire:
    """One client with its connections; further hosts are tried only while one cannot be reached."""

    def __init__(self, address: Address) -> None:
        """Prepare the client; it connects at the first request."""
        _silence_driver()
        self._is_closed = False
        self._client = AsyncOpenSearch(
            hosts=[{"host": host, "port": port} for host, port in address.hosts],
            http_auth=address.user,
            use_ssl=address.trust is not None,
            ssl_context=address.trust,
            maxsize=_CONNECTIONS,
            timeout=ANSWER_TIMEOUT_S,
            max_retries=len(address.hosts) - 1,
            retry_on_status=(),
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | bytes | None = None,
        *,
        allow: Collection[int] = (),
        timeout_s: float = ANSWER_TIMEOUT_S,
        **params: str | int,
    ) -> Answer:
        """Send a request and give the answer's body, that of an error too if its status is in ``allow``.

        ``bytes`` are sent as lines of JSON; ``params`` go into the query.

        Raises:
            RefusedError: the engine answered with another error.
            UnavailableError: it did not answer.
        """
        if self._is_closed:
            raise UnavailableError("The search index is closed", code=CODE)
        try:
            answer = await self._client.transport.perform_request(
                method,
                path,
                params=params,
                body=body,
                timeout=timeout_s,
                ignore=allow,
                headers=_LINES if isinstance(body, bytes) else None,
            )
        except TransportError as error:
            if isinstance(error.status_code, int):
                raise RefusedError(error.status_code, _kind(error.info)) from error
            if isinstance(error.info, ClientSSLError):
                raise UntrustedError("The search engine cannot be trusted", code=CODE) from error
            raise UnavailableError("The search engine does not answer", code=CODE) from error
        except OpenSearchException as error:
            raise unreadable() from error
        if not isinstance(answer, dict):
            raise unreadable()
        return answer

    async def close(self) -> None:
        """Close the connections; nothing can be asked after."""
        self._is_closed = True
        await self._client.close()
        for connection in self._client.transport.seed_connections:  # the driver forgets a host that was away
            await cast("AsyncConnection", connection).close()


def unreadable() -> UnavailableError:
    """Say that something answered that is not what was asked."""
    return UnavailableError("The search engine's answer cannot be read", code=CODE)


def convert(part: object, kind: type[Kind]) -> Kind:
    """Give a part of an answer as what it should be; names of fields are texts, whatever they stand for.

    Raises:
        UnavailableError: it is something else, so what became of the request is not known.
    """
    try:
        return msgspec.convert(part, kind, strict=False)
    except msgspec.ValidationError as error:  # a ValueError, which would speak of the documents
        raise unreadable() from error


def _kind(info: object) -> str:
    """Give the name of the error in an answer's body."""
    error = info.get("error") if isinstance(info, dict) else None
    return str(error.get("type", "")) if isinstance(error, dict) else ""


def _silence_driver() -> None:
    """Keep the driver from logging requests: it shows bodies, and tells of every failure what is raised anyway."""
    for name in ("opensearch", "opensearchpy.trace"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
