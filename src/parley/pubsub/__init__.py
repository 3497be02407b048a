"""At-most-once fan-out, opened by URL."""

from __future__ import annotations

from typing import Final, cast

from parley.opening import load_opener
from parley.pubsub.port import PubSub

ADAPTERS: Final = {"memory": "parley.pubsub.memory:open_"}


def open_pubsub(url: str) -> PubSub:
    """Open the pub/sub at ``url``.

    Raises:
        ConfigurationError: no adapter serves the URL.
    """
    return cast("PubSub", load_opener(url, ADAPTERS, "PARLEY_PUBSUB_URL")(url))
