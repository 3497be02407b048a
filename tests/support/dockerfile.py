"""Reads the Dockerfile: its stages, and in each its instructions as an image builder sees them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
VENV = "/opt/parley"
"""Where the image has its environment."""


class Instruction(NamedTuple):
    """One instruction, its continued lines joined."""

    name: str
    text: str

    def words(self) -> list[str]:
        """Give its words, without options such as ``--mount=…`` in front and the quotes around them."""
        words = shlex.split(self.text)
        while words and words[0].startswith("--"):
            words.pop(0)
        return words

    def names(self) -> dict[str, str]:
        """Give the values of ``NAME=value`` words, as ``ENV`` and ``LABEL`` have them."""
        return dict(word.split("=", 1) for word in self.words())

    def exec_form(self) -> list[str]:
        """Give the words of a JSON array, the form that needs no shell.

        Raises:
            ValueError: it is of the other form.
        """
        words: list[str] = json.loads(self.text)
        return words


Stage = Sequence[Instruction]
"""Begins with its ``FROM``."""


def stages(text: str) -> Sequence[Stage]:
    """Take a Dockerfile apart; the last stage becomes the image."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[list[Instruction]] = []
    for line in joined.splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, rest.strip()))
    return found


def image_stages() -> Sequence[Stage]:
    """Give the stages of the project's own image."""
    return stages(DOCKERFILE.read_text("utf-8"))


def every(stage: Stage, name: str) -> list[Instruction]:
    """Give the instructions of one name, in order."""
    return [instruction for instruction in stage if instruction.name == name]


def last(stage: Stage, name: str) -> Instruction:
    """Give the instruction of this name that counts: the last."""
    return every(stage, name)[-1]


def settings_of(stage: Stage, kind: str = "ENV") -> dict[str, str]:
    """Give all values of a stage's ``ENV``, or of its ``LABEL``."""
    return {name: value for instruction in every(stage, kind) for name, value in instruction.names().items()}
