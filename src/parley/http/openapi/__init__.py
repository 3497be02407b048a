"""The OpenAPI 3.1 document, made from the table of operations."""

from parley.http.openapi.document import build_document

__all__ = ["build_document"]
