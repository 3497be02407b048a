"""The search port on OpenSearch: bulk writes into one index, searches through its alias."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from parley.domain.documents import ChatId, Document
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import Position
from parley.search.opensearch.address import Address
from parley.search.opensearch.asking import candidates_query
from parley.search.opensearch.banner import read_banner
from parley.search.opensearch.bulk import Bulk
from parley.search.opensearch.documents import number_of
from parley.search.opensearch.generations import Generation, Generations
from parley.search.opensearch.layout import Names
from parley.search.opensearch.reached import Reached
from parley.search.opensearch.renewal import OpenSearchRenewal
from parley.search.opensearch.wire import CODE, WORK_TIMEOUT_S, Answer, RefusedError, UntrustedError, Wire
from parley.search.opensearch.writing import Writing
from parley.search.port import Candidates, Renewable, SearchIndex

_MISSING: Final = 404
_FORBIDDEN: Final = (401, 403)
_TIMED_OUT: Final = 408
_SHARDS_START_WITHIN: Final = "5s"
_REPLACED: Final = (_MISSING, 503)
"""What a search is told whose index is deleted under it."""


class OpenSearchIndex:
    """An index of trigrams of the folded bodies, and of single code points and pairs.

    What one call stores is not one transaction: its positions are stored after all of its documents,
    so a crash between repeats the call, and versions make repeating harmless.
    """

    shortest = 1

    def __init__(self, address: Address, jitter: Callable[[], float]) -> None:
        """Prepare the client; nothing is asked yet."""
        self._refreshes = address.refreshes
        self._names = Names(address.prefix)
        self._wire = Wire(address)
        self._bulk = Bulk(self._wire, jitter)
        self._generations = Generations(self._wire, address, self._names)
        self._reached = Reached(self._wire)
        self.renewal = OpenSearchRenewal(self._generations, self._wire, self._names, self._writing)
        self._is_known = False
        self._written: Generation | None = None

    async def start(self) -> None:
        """Look at the engine, and make the index if there is none.

        Raises:
            ConfigurationError: it is not a supported engine, it refuses the user, or the index is not ours.
        """
        try:
            await self._present()
            await self._await_shards()
        except RefusedError as error:
            if error.status in _FORBIDDEN:
                raise ConfigurationError(
                    f"the search engine refuses the user of PARLEY_SEARCH_URL with {error.status}: it needs to "
                    f"monitor the cluster, and to manage, read and write {self._names.all}"
                ) from error
            raise
        except UntrustedError as error:
            raise ConfigurationError(
                "the certificate of the search engine in PARLEY_SEARCH_URL is not trusted, or it speaks no TLS: "
                "name its authority by ?ca=/path/to/ca.pem, or write http://"
            ) from error

    async def index(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Put or remove the documents, and then remember each partition's position."""
        generation = await self._present()
        try:
            await self._writing(self._names.door(generation.number), self._reached).index(documents, positions)
        except RefusedError as error:
            self._look_again(error)
            raise
        if positions and not generation.is_published:
            self._written = await self._generations.publish(generation)

    async def candidates(self, chat: ChatId, folded: str, after: int, limit: int) -> Candidates:
        """Give up to ``limit`` numbers above ``after`` whose message may hold ``folded``."""
        if len(folded) < self.shortest:
            raise ValueError(f"{len(folded)} code points are too few for the index")
        try:
            answer = await self._search(chat.application, candidates_query(chat, folded, after, limit))
        except RefusedError as error:
            if error.status == _MISSING:
                raise UnavailableError("The search index is being built", code=CODE) from error
            raise
        numbers = [number_of(hit["sort"][0]) for hit in answer.get("hits", {}).get("hits", ())]
        return Candidates(numbers, numbers[-1] if len(numbers) == limit else None)

    async def positions(self) -> dict[int, Position]:
        """Give the last indexed position by partition: read in real time, so what was stored is seen at once."""
        self._written = None  # another process may have put a new index in its place
        generation = await self._present()
        positions = await self._reached.read(self._names.door(generation.number))
        if positions and not generation.is_published:
            self._written = await self._generations.publish(generation)
        return positions

    async def clear(self) -> None:
        """Put an empty index in the place of this one, which searches read once it has positions."""
        await self._present()
        self._written = None
        self._written = await self._generations.replace()

    async def name(self) -> str:
        """Name the index that is written, as the engine does."""
        return (await self._present()).uuid

    async def ping(self) -> None:
        """Return if the engine answers and has all parts of the index."""
        health = await self._wire.ask("GET", f"/_cluster/health/{self._names.all}", timeout="1s")
        if health.get("status") == "red":
            raise UnavailableError("A part of the search index is away", code=CODE)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def _search(self, application: int, query: Mapping[str, object]) -> Answer:
        """Ask what the alias leads to; once more if that may have been replaced while it was asked."""
        ask = partial(
            self._wire.ask,
            "POST",
            f"/{self._names.alias}/_search",
            query,
            routing=application,
            allow_partial_search_results="false",
            filter_path="hits.hits.sort",
        )
        try:
            return await ask()
        except RefusedError as error:
            if error.status not in _REPLACED:
                raise
        return await ask()

    async def _present(self) -> Generation:
        """Give the index that is written, after a look at the engine at the first time."""
        if not self._is_known:
            read_banner(await self._wire.ask("GET", "/"))
            self._is_known = True
        if self._written is None:
            self._written = await self._generations.present()
        return self._written

    async def _await_shards(self) -> None:
        """Return when an index that another process has just made can be asked, or soon."""
        await self._wire.ask(
            "GET",
            f"/_cluster/health/{self._names.all}",
            allow=[_TIMED_OUT],
            timeout_s=WORK_TIMEOUT_S,
            wait_for_active_shards=1,  # its status is yellow from the beginning
            wait_for_no_initializing_shards="true",
            timeout=_SHARDS_START_WITHIN,
        )

    def _writing(self, door: str, reached: Reached) -> Writing:
        return Writing(self._wire, self._bulk, reached, door, refreshes=self._refreshes)

    def _look_again(self, error: RefusedError) -> None:
        """Look for the index anew at the next call if it was replaced behind our back."""
        if error.status == _MISSING:
            self._written = None


if TYPE_CHECKING:
    _conforms: type[SearchIndex] = OpenSearchIndex
    _renewable: type[Renewable] = OpenSearchIndex
