"""Whether the deployment kept what it acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from parley.cli.benching.book import Book, listed
from parley.cli.benching.report import Messages
from parley.cli.benching.throwaway import Throwaway
from parley.cli.client import ApiError


def compare(application: Throwaway, book: Book) -> Messages:
    """Hold what was acknowledged against what the chats say; name what is missing, and what could not be proven."""
    counted = dict[int, int]()
    try:
        counted = application.settled_counts(book.counts)
        findings = [*_findings(application, book, counted)]
    except ApiError as error:
        findings = [f"it could not be looked at: {error.detail}"]
    return Messages(book.total, sum(book.unsettled), sum(counted.values()), not findings, findings)


def _findings(application: Throwaway, book: Book, counted: Mapping[int, int]) -> Iterator[str]:
    """Read the chats whose count is wrong or proves nothing, until one cannot be read."""
    doubtful = [chat for chat in book.chats if not book.is_proven(chat, counted.get(chat, 0))]
    for place, chat in enumerate(doubtful):
        sentence = book.finding(chat, counted.get(chat, 0))
        try:
            lost = book.missing(chat, application.stored(chat))
        except ApiError as error:
            yield f"chat {listed(doubtful[place:])}: not proven, for it could not be read: {error.detail}"
            return
        if lost:
            yield f"chat {chat}: {sentence or 'acknowledged messages are gone'}; missing: {listed(lost)}"
        elif sentence:
            yield f"chat {chat}: {sentence}"
