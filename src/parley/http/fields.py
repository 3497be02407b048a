"""Members of request bodies: what is accepted, and the words for what is not."""

from __future__ import annotations

from typing import Any, Final

from parley.domain.errors import InvalidError
from parley.domain.model import Draft
from parley.domain.text import (
    BODY_MAX_BYTES,
    BULK_MAX_MESSAGES,
    METADATA_MAX_BYTES,
    NAME_MAX_CHARACTERS,
    is_blank,
)
from parley.http.metadata import compacted, holds_nul, raw_of_many, raw_of_one

Errors = dict[str, list[str]]
Object = dict[str, Any]

_ASCII_FITS: Final = BODY_MAX_BYTES // 4


def read_draft(members: Object, body: bytes) -> Draft:
    """Accept the members of one new message; ``body`` is the request they came in.

    Raises:
        InvalidError: names every member at fault.
    """
    errors: Errors = {}
    _check_message(members, "", errors)
    metadata = None
    if members.get("metadata") is not None and "metadata" not in errors:
        metadata = _checked(raw_of_one(body), members["metadata"], "metadata", errors)
    if errors:
        raise InvalidError(errors)
    return Draft(members["body"], members.get("sender"), metadata)


def read_drafts(members: Object, body: bytes) -> tuple[Draft, ...]:
    """Accept ``messages``, 1-1,000 new messages; the first bad one is named by its index.

    Raises:
        InvalidError: the list or one of its elements is wrong.
    """
    messages = members.get("messages")
    if not isinstance(messages, list):
        raise InvalidError({"messages": ["can't be blank" if messages is None else "must be an array"]})
    if not 1 <= len(messages) <= BULK_MAX_MESSAGES:
        raise InvalidError({"messages": [f"must hold 1 to {BULK_MAX_MESSAGES:,} messages"]})
    for index, message in enumerate(messages):
        errors: Errors = {}
        if isinstance(message, dict):
            _check_message(message, f"messages[{index}].", errors)
        else:
            errors[f"messages[{index}]"] = ["must be an object"]
        if errors:
            raise InvalidError(errors)
    return tuple(
        Draft(message["body"], message.get("sender"), metadata)
        for message, metadata in zip(messages, _compact_each(messages, body), strict=True)
    )


def _compact_each(messages: list[Object], body: bytes) -> list[str | None]:
    """Give each message's metadata as compact JSON; the request is read again only if there is any."""
    texts: list[str | None] = [None] * len(messages)
    given = [index for index, message in enumerate(messages) if message.get("metadata") is not None]
    raw = raw_of_many(body) if given else []
    for index in given:
        errors: Errors = {}
        name = f"messages[{index}].metadata"
        texts[index] = _checked(raw[index], messages[index]["metadata"], name, errors)
        if errors:
            raise InvalidError(errors)
    return texts


def read_body(members: Object) -> str:
    """Accept a message's ``body`` alone, for an edit.

    Raises:
        InvalidError: it is missing, blank, too long, or no string.
    """
    errors: Errors = {}
    _check_body(members.get("body"), "body", errors)
    if errors:
        raise InvalidError(errors)
    text: str = members["body"]
    return text


def read_title(members: Object) -> str | None:
    """Accept a chat's optional ``title``.

    Raises:
        InvalidError: it is no string, too long, or holds NUL.
    """
    errors: Errors = {}
    _check_text(members.get("title"), "title", errors)
    if errors:
        raise InvalidError(errors)
    return members.get("title")


def read_name(members: Object) -> str:
    """Accept an application's ``name``, trimmed.

    Raises:
        InvalidError: it is missing, blank, too long, no string, or holds NUL.
    """
    errors: Errors = {}
    name = members.get("name")
    if isinstance(name, str):
        name = name.strip()
    if name is None or (isinstance(name, str) and is_blank(name)):
        errors["name"] = ["can't be blank"]
    else:
        _check_text(name, "name", errors)
    if errors:
        raise InvalidError(errors)
    return str(name)


def _check_message(members: Object, prefix: str, errors: Errors) -> None:
    _check_body(members.get("body"), prefix + "body", errors)
    if "sender" in members:
        _check_text(members["sender"], prefix + "sender", errors)
    metadata = members.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        errors[prefix + "metadata"] = ["must be an object"]


def _check_body(body: object, name: str, errors: Errors) -> None:
    if body is None:
        errors[name] = ["can't be blank"]
    elif not isinstance(body, str):
        errors[name] = ["must be a string"]
    elif is_blank(body):
        errors[name] = ["can't be blank"]
    elif "\0" in body:
        errors[name] = ["can't contain NUL"]
    elif len(body) > _ASCII_FITS and len(body.encode()) > BODY_MAX_BYTES:
        errors[name] = [f"is too long (maximum is {BODY_MAX_BYTES} bytes)"]


def _check_text(text: object, name: str, errors: Errors) -> None:
    if text is None:
        return
    if not isinstance(text, str):
        errors[name] = ["must be a string"]
    elif len(text) > NAME_MAX_CHARACTERS:
        errors[name] = [f"is too long (maximum is {NAME_MAX_CHARACTERS} characters)"]
    elif "\0" in text:
        errors[name] = ["can't contain NUL"]


def _checked(raw: bytes, decoded: Object, name: str, errors: Errors) -> str:
    compact = compacted(raw)
    if len(compact) > METADATA_MAX_BYTES:
        errors[name] = [f"is too long (maximum is {METADATA_MAX_BYTES} bytes)"]
    elif b"\\u0000" in compact and holds_nul(decoded):
        errors[name] = ["can't contain NUL"]
    return compact.decode()
