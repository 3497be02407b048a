"""The tree of errors: every leaf says what a client may be told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from parley.domain import errors
from parley.domain.errors import InvalidError, NotFoundError, ParleyError, RejectedError, UnavailableError


def tree(root: type[ParleyError]) -> Iterator[type[ParleyError]]:
    """Give a class and all below it that every room knows."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def test_every_error_is_drawn_in_the_tree() -> None:
    """The module's docstring lists each class, and none that is not there."""
    drawn = set(re.findall(r"\w+Error", errors.__doc__ or ""))

    assert drawn == {error.__name__ for error in tree(ParleyError)}


def test_every_code_is_its_own() -> None:
    """Stable, snake_case, and no two classes share one; the root's is for what nobody foresaw."""
    codes = [error.code for error in tree(ParleyError) if error not in {RejectedError, NotFoundError}]

    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("[a-z_]+", code) for code in codes)


@pytest.mark.parametrize(
    ("what", "code"),
    [("ChatApplication", "application_not_found"), ("Chat", "chat_not_found"), ("Message", "message_not_found")],
)
def test_a_missing_thing_is_named(what: str, code: str) -> None:
    """With the sentence that older clients know."""
    error = NotFoundError(what)

    assert (error.code, error.detail, str(error)) == (code, f"{what} not found", f"{what} not found")


def test_an_error_says_more_than_its_class() -> None:
    """A closer code, the members at fault, the seconds to wait."""
    assert UnavailableError("Full", code="overloaded", retry_after_s=7).retry_after_s == 7
    assert UnavailableError("Full", code="overloaded").code == "overloaded"
    assert UnavailableError("Full").code == "unavailable"
    assert InvalidError({"a": ["is wrong", "is late"], "b": ["is blank"]}).detail == "a is wrong"
