"""The use cases and policies that routes call, and what answers each port."""

from __future__ import annotations

from typing import cast

from parley.bootstrap.ports import Ports
from parley.bootstrap.reading import Reading
from parley.bootstrap.writing import Writing
from parley.config import Settings
from parley.domain.binds import parse_bind
from parley.http.asgi import AsgiApplication, AsgiBridge
from parley.http.auth import Access
from parley.http.cors import Cors
from parley.http.creates import Creates
from parley.http.front import Application, Front
from parley.http.health import Health, ProbeRoutes
from parley.http.services import Services
from parley.http.wire.limits import Limits
from parley.http.write.routes import CreateRoutes
from parley.http.write.service import WriteService
from parley.ingest.applications import ApplicationWrites
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites


def build_creates(ports: Ports, writing: Writing) -> Creates:
    """Wire what both services answer alike."""
    writes, storage = writing.writes, ports.storage.storage
    return Creates(writes, ChatWrites(writes, storage), MessageWrites(writes, storage))


def build_full(settings: Settings, ports: Ports, reading: Reading, writing: Writing, health: Health) -> AsgiBridge:
    """Wire the full API, apart from the creates in front of it."""
    token = settings.admin_token
    writes, storage = writing.writes, reading.storage
    services = Services(
        access=Access(None if token is None else token.get_secret_value()),
        reads=reading.reads,
        search=reading.search,
        writes=writes,
        applications=_build_applications(ports, reading, writing),
        chats=ChatWrites(writes, storage),
        messages=MessageWrites(writes, storage),
        probes=health.pages(),
    )
    from parley.http.v1.app import build_app  # noqa: PLC0415 - workers and write processes start without a framework

    application = cast("AsgiApplication", build_app(services))
    return AsgiBridge(application, settings.answer_timeout_s, writing.capacity, services.probes)


def _build_applications(ports: Ports, reading: Reading, writing: Writing) -> ApplicationWrites:
    wired = ports.storage.tenants, ports.log.log, writing.writes.parents, reading.on_deleted
    return ApplicationWrites(*wired) if ports.guard is None else ApplicationWrites(*wired, ports.guard.switch.is_away)


def build_lean(settings: Settings, health: Health, api_port: int | None) -> WriteService:
    """Wire what the write service answers besides creates; it names the other port."""
    return WriteService(ProbeRoutes(health).applications(), api_port or parse_bind(settings.api_bind).port)


def build_front(settings: Settings, bound: str, creates: Creates, rest: object) -> Front:
    """Put the creates, one spelling of paths and CORS in front of ``rest``, for the port that ``bound`` names."""
    origins = [origin for origin in settings.cors_origins.split(",") if origin]
    cors = Cors(origins, is_loopback=parse_bind(bound).is_loopback)
    return Front(CreateRoutes(creates, cast("Application", rest)), cors)


def limits_of(settings: Settings) -> Limits:
    """Give the bounds of the wire."""
    return Limits(
        max_line_bytes=settings.max_request_line_bytes,
        max_header_bytes=settings.max_header_bytes,
        max_body_bytes=settings.max_body_bytes,
        header_timeout_s=settings.header_timeout_s,
        body_timeout_s=settings.body_timeout_s,
        keep_alive_timeout_s=settings.keep_alive_timeout_s,
        write_timeout_s=settings.write_timeout_s,
        max_connections=settings.max_connections,
        max_pipelined=settings.max_pipelined,
        max_held_bytes=settings.max_held_bytes,
        max_unread_bytes=settings.max_unread_bytes,
    )
