"""Which engine answers, and whether it is one of those that are supported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from parley.domain.errors import ConfigurationError

SUPPORTED: Final = "OpenSearch 1.x to 3.x and Elasticsearch 7.10 to 7.17"

_OPENSEARCH: Final = range(1, 4)
_ELASTICSEARCH: Final = range(10, 18)
_DISGUISE: Final = "7.10.2"
"""What OpenSearch calls itself when a cluster is set to please older clients."""

_VERSION: Final = re.compile(r"(\d+)\.(\d+)")


class Engine(NamedTuple):
    """An engine that is supported."""

    name: str
    version: str


def read_banner(answer: Mapping[str, object]) -> Engine:
    """Tell the engine from what it answers at ``/``; Elasticsearch names no distribution.

    Raises:
        ConfigurationError: it is another one, or of another version.
    """
    version = answer.get("version")
    if not isinstance(version, dict):
        raise ConfigurationError(f"PARLEY_SEARCH_URL leads to no search engine; supported are {SUPPORTED}")
    number = str(version.get("number", ""))
    engine = Engine("OpenSearch" if version.get("distribution") == "opensearch" else "Elasticsearch", number)
    matched = _VERSION.match(number)
    if matched is None or not _is_supported(engine, int(matched[1]), int(matched[2])):
        raise ConfigurationError(f"PARLEY_SEARCH_URL leads to {engine.name} {number}; supported are {SUPPORTED}")
    return engine


def _is_supported(engine: Engine, major: int, minor: int) -> bool:
    if engine.name == "OpenSearch":
        return major in _OPENSEARCH or engine.version == _DISGUISE
    return major == 7 and minor in _ELASTICSEARCH  # noqa: PLR2004 - as SUPPORTED says
