"""How people are told where something is; tokens are shown by their first eight digits."""

from __future__ import annotations


def application_place(token: bytes) -> str:
    """Name an application."""
    return f"application {token.decode('utf-8', 'replace')[:8]}"


def chat_place(token: bytes, number: int) -> str:
    """Name a chat."""
    return f"{application_place(token)}, chat {number}"
