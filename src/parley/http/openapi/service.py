"""What health and readiness say, closed."""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]

_PART: Final[Schema] = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]},
        "latency_ms": {"type": "number", "minimum": 0},
        "message": {"type": "string", "minLength": 1},
    },
    "required": ["status", "latency_ms"],
    "additionalProperties": False,
}
_PARTS: Final = ("database", "log", "search", "workers")

SERVICE_SCHEMAS: Final[dict[str, Schema]] = {
    "Health": {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]},
            "timestamp": {"type": "string", "format": "date-time"},
            "services": {
                "type": "object",
                "properties": dict.fromkeys(_PARTS, _PART),
                "required": list(_PARTS),
                "additionalProperties": False,
            },
        },
        "required": ["status", "timestamp", "services"],
        "additionalProperties": False,
    },
    "Ready": {
        "type": "object",
        "properties": {
            "ready": {"type": "boolean"},
            "reasons": {"type": "array", "items": {"type": "string"}},
            "degraded": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["ready", "reasons", "degraded"],
        "additionalProperties": False,
    },
}
