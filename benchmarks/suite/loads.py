"""The loads that cells share: creates over all chats, as fast as they are answered or at an offered rate."""

from __future__ import annotations

import secrets
from typing import Final, Literal

from benchmarks.stage.tenants import CHATS, chat_paths
from benchmarks.suite.effort import effort
from benchmarks.suite.oha import run_oha
from benchmarks.suite.open_loop import BODY, Load, run_open_loop
from benchmarks.suite.sample import Sample
from benchmarks.suite.target import Target
from benchmarks.suite.wrk import run_wrk

Keys = Literal["none", "keys"]
SHARE: Final = 0.6
"""Of a ceiling, at which percentiles are taken."""


def create(to: Target, *, keys: Keys = "none", size: int = 1, seconds: int = 0) -> Sample:
    """Create messages in a closed loop, each request with ``size`` of them."""
    arguments = (keys, str(size), secrets.token_hex(6), str(CHATS), ",".join(to.tokens))
    return run_wrk(to, seconds or effort().closed_s, "creates.lua", *arguments, units=size)


def offer_creates(to: Target, rate: float, *, keys: Keys = "none") -> Sample:
    """Offer creates in an open loop: by oha, or by our own generator where each has a key."""
    paths = chat_paths(to.tokens)
    if keys == "keys":
        return run_open_loop(Load(rate, paths, secrets.token_hex(6)), to, effort().open_s)
    return run_oha(rate, effort().open_s, to, [f"{path}/messages" for path in paths], BODY)
