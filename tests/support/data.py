"""Where the shared test data lies. It is never copied into the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[3] / "shared" / "data"


def data_folder() -> Path:
    """Give the folder named by ``PARLEY_TEST_DATA``, else the one beside the repository; skip without it."""
    folder = Path(os.environ.get("PARLEY_TEST_DATA") or _BESIDE_THE_REPOSITORY)
    if not folder.is_dir():
        pytest.skip(f"test data is not there: {folder} (set PARLEY_TEST_DATA)")
    return folder
