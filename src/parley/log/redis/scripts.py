"""The scripts that run inside the engine.

Those of writers carry the name of a life: whoever finds one loaded knows that the engine is in that life.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final, NamedTuple

from parley.domain.grants import Life

_SHEBANG: Final = "#!lua\n"
_VERSION: Final = 1
"""Of what appends and restores mean to the keys: another version is another script, which nobody has loaded."""


class LifeScript(NamedTuple):
    """A script's text for one life of one partition, and the digest by which the engine knows it."""

    text: bytes
    digest: bytes


@cache
def script(name: str) -> str:
    """Give the text of ``lua/<name>.lua``."""
    return files("parley.log.redis").joinpath("lua", f"{name}.lua").read_text("utf-8")


def life_script(name: str, tag: str, life: Life) -> LifeScript:
    """Write a life into a script: ``tag`` names the partition."""
    body = script(name).removeprefix(_SHEBANG)
    head = f"-- parley {name} {_VERSION}, partition {tag}, epoch {life.epoch}, run {life.run_id}\n"
    text = f"{_SHEBANG}{head}{body}".encode()
    return LifeScript(text, sha1(text, usedforsecurity=False).hexdigest().encode())
