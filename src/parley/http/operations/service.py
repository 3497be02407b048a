"""Operations on the service itself."""

from __future__ import annotations

from typing import Final

from parley.http.operations.operation import (
    FOUND,
    READ,
    Good,
    Operation,
)

SERVICE_OPERATIONS: Final = (
    Operation(
        "health",
        ("GET",),
        "/health",
        "service",
        "Health",
        "The live state of what this process depends on. 503 when the database or the log is away.",
        Good(200, "Healthy, or degraded but working.", "Health"),
        (),
        headers=("X-Request-Id",),
    ),
    Operation(
        "ready",
        ("GET",),
        "/ready",
        "service",
        "Readiness",
        "Whether this process can do its job. What is degraded (lag, depth, search) is named and is no reason for 503.",
        Good(200, "Ready.", "Ready"),
        (),
        headers=("X-Request-Id",),
    ),
    Operation(
        "metrics",
        ("GET",),
        "/metrics",
        "service",
        "Metrics",
        "Prometheus text format.",
        Good(200, "All metrics of this process.", "Text", media_type="text/plain"),
        (),
        headers=("X-Request-Id",),
    ),
    Operation(
        "openapi",
        ("GET",),
        "/openapi.json",
        "service",
        "This document",
        "OpenAPI 3.1.",
        Good(200, "The document.", "JsonObject", headers=FOUND),
        (),
        headers=READ,
    ),
    Operation(
        "docs",
        ("GET",),
        "/docs",
        "service",
        "Documentation",
        "One page without any outside call.",
        Good(200, "The page.", "Text", media_type="text/html", headers=FOUND),
        (),
        headers=READ,
    ),
    Operation(
        "docs_style",
        ("GET",),
        "/docs.css",
        "service",
        "Its style sheet",
        "",
        Good(200, "The style sheet.", "Text", media_type="text/css", headers=FOUND),
        (),
        headers=READ,
    ),
)
