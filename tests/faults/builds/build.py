"""One broken build: a rule that the product forgets, as patches of its own code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

SWITCH: Final = "FAULTS_BUILD"
"""Names the build that processes are to be; `tests/faults/shim` looks for it when they start."""

_ROOT: Final = Path(__file__).parents[3]
_SHIM: Final = Path(__file__).parents[1] / "shim"


class Patch(NamedTuple):
    """What takes the place of a name in a module or a class."""

    place: Any
    name: str
    value: Any


class Build(NamedTuple):
    """A rule that is forgotten."""

    name: str
    forgets: str
    patches: tuple[Patch, ...]
    walls: str = ""
    """What else would have stopped it, and is taken away as well."""

    def install(self) -> None:
        """Turn this process into the build.

        Raises:
            AttributeError: the product has no such name any more.
        """
        for place, name, value in self.patches:
            getattr(place, name)
            setattr(place, name, value)


def environment(build: str = "") -> Mapping[str, str]:
    """Give what has Python processes load the shim, and turn into a build."""
    if not build:
        return {"PYTHONPATH": str(_SHIM)}
    return {"PYTHONPATH": os.pathsep.join((str(_SHIM), str(_ROOT))), SWITCH: build}


def replaced(text: str, old: str, new: str) -> str:
    """Give a text in which something stands exactly once, with something else in its place.

    Raises:
        ValueError: it does not stand there once.
    """
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands there {text.count(old)} times")
    return text.replace(old, new)
