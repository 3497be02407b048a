"""Serves an application of ours on Parley's own wire, as `parley serve` does it."""

from __future__ import annotations

import asyncio
import gc
import secrets

import uvloop

from parley.http.wire.limits import Limits
from parley.http.wire.listener import Listener, bind
from parley.http.wire.request import Application, numbered_ids
from parley.telemetry.clock import SystemClock


def run(application: Application, port: int, *, at_once: int | None = None) -> None:
    """Serve until the process ends; what is loaded by now is out of the garbage collector's sight."""
    gc.collect()
    gc.freeze()
    uvloop.run(_serve(application, port, at_once))


async def _serve(application: Application, port: int, at_once: int | None) -> None:
    listener = Listener(Limits(), SystemClock(), numbered_ids(secrets.token_hex(4)))
    await listener.serve(bind("127.0.0.1", port), application, at_once=at_once)
    await asyncio.Event().wait()
