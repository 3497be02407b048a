"""Where the shared test data lies. It is never copied into the project; where it is not there, its like is made."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from tests.support.made_data import make_data

NEEDLES: Final = {
    "gitter-rooms": {
        "undefined": 26, "JavaScript": 276, "ошибк": 13, "привет": 225, "%": 122, "_": 653, "\\": 99, "'": 4411,
        "日本": 29, "مرحبا": 5, "👍": 9, "não": 135, "http": 2307,
    },
    "ubuntu-irc": {"apt-get": 127, "%": 30, "_": 641, "http": 386, "rust": 20},
}  # fmt: skip
"""Needles of each data set, and in how many of its records its README found them, case folded."""

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[3] / "shared" / "data"


@cache
def data_folder() -> Path:
    """Give the folder named by ``PARLEY_TEST_DATA``, else the one beside the repository, else one of made data."""
    named = os.environ.get("PARLEY_TEST_DATA")
    if named:
        assert Path(named).is_dir(), f"PARLEY_TEST_DATA names no folder: {named}"
        return Path(named)
    if _BESIDE_THE_REPOSITORY.is_dir():
        return _BESIDE_THE_REPOSITORY
    made = Path(tempfile.mkdtemp(prefix="parley-data-"))
    atexit.register(shutil.rmtree, made)
    make_data(made, NEEDLES)
    return made
