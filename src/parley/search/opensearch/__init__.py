"""The search index on OpenSearch or Elasticsearch: one more copy of the folded bodies, made again from the database."""

from __future__ import annotations

import random

from parley.search.opensearch.address import parse_address
from parley.search.opensearch.index import OpenSearchIndex


def open_(url: str) -> OpenSearchIndex:
    """Open ``http(s)://user:password@host:port,host:port/prefix?shards=1``; nothing is asked until `start`.

    Raises:
        ConfigurationError: the URL is not of that form; a password in it is not repeated.
    """
    return OpenSearchIndex(parse_address(url), jitter=random.random)
