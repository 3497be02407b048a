"""Every operation of the full API, once: routes, OpenAPI document and docs page are made from this table."""

from __future__ import annotations

from typing import Final

from parley.http.operations.applications import APPLICATION_OPERATIONS
from parley.http.operations.chats import CHAT_OPERATIONS
from parley.http.operations.messages import MESSAGE_OPERATIONS
from parley.http.operations.operation import PREFIXES, Good, Operation
from parley.http.operations.service import SERVICE_OPERATIONS

__all__ = ["OPERATIONS", "PREFIXES", "Good", "Operation"]

OPERATIONS: Final = (*APPLICATION_OPERATIONS, *CHAT_OPERATIONS, *MESSAGE_OPERATIONS, *SERVICE_OPERATIONS)
