"""Renders the table of operations as one static page: no script, no outside call."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from string import Template

from parley.http.docs.reference import render_navigation, render_operations, render_refusals


def render_page() -> str:
    """Render the page."""
    return Template(_asset("page.html").decode()).substitute(
        version=version("parley"),
        navigation=render_navigation(),
        operations=render_operations(),
        errors=render_refusals(),
    )


def load_style() -> bytes:
    """Give the page's style sheet."""
    return _asset("style.css")


def _asset(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()
