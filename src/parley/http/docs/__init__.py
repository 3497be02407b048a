"""The documentation page for people."""

from parley.http.docs.page import load_style, render_page

__all__ = ["load_style", "render_page"]
