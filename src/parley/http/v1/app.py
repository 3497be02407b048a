"""The full API as one Litestar application, its routes made from the table of operations."""

from __future__ import annotations

from litestar import Litestar
from litestar.exceptions import HTTPException

from parley.http.operations import OPERATIONS
from parley.http.services import Services
from parley.http.v1.applications import ApplicationRoutes
from parley.http.v1.chats import ChatRoutes
from parley.http.v1.documents import document_handles
from parley.http.v1.messages import MessageRoutes
from parley.http.v1.routing import Handle, options_route, route
from parley.http.v1.unrouted import Unrouted, allowed_methods


def build_app(services: Services) -> Litestar:
    """Build the full API.

    A request's exchange stands in ``scope["state"]["exchange"]`` and is answered there. The creates
    that both ports share are answered in front of this application, by
    `parley.http.write.routes.CreateRoutes`; here they only count for ``Allow``.
    """
    handles = _handles(services)
    allowed = allowed_methods(OPERATIONS)
    routes = [
        route(operation.paths, method, handles[operation.name])
        for operation in OPERATIONS
        if not operation.is_create
        for method in operation.methods
    ]
    return Litestar(
        # OPTIONS first: Litestar adds its own to a path that has none.
        [*(options_route(paths, allow) for paths, allow in allowed.items()), *routes],
        openapi_config=None,
        logging_config=None,
        exception_handlers={HTTPException: Unrouted(allowed)},
    )


def _handles(services: Services) -> dict[str, Handle]:
    applications, chats, messages = ApplicationRoutes(services), ChatRoutes(services), MessageRoutes(services)
    return {
        "list_applications": applications.list_applications,
        "create_application": applications.create_application,
        "get_application": applications.get_application,
        "rename_application": applications.rename_application,
        "delete_application": applications.delete_application,
        "list_chats": chats.list_chats,
        "get_chat": chats.get_chat,
        "retitle_chat": chats.retitle_chat,
        "delete_chat": chats.delete_chat,
        "list_messages": messages.list_messages,
        "search_messages": messages.search_messages,
        "get_message": messages.get_message,
        "edit_message": messages.edit_message,
        "delete_message": messages.delete_message,
        **document_handles(services),
    }
