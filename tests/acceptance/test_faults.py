"""Some faults of `make faults`, each once: the rest of its cells need an hour."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tests.faults.cells import CELLS
from tests.faults.judged import Stage
from tests.support.engines.opensearch import OpenSearchServer

SHORT = ("f2-embedded-kill", "f15-embedded-answers", "f1-server-late-worker", "f3-server-kill", "f12-server-twice")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SHORT)
def test_history_is_valid_when_parts_fail_under_load(
    name: str, tmp_path: Path, opensearch_server: OpenSearchServer
) -> None:
    """Nothing acknowledged is lost, no number is given twice, and every gap is explained, as clients saw it."""
    stage = Stage("", tmp_path / "histories", lambda: opensearch_server)

    (judged,) = stage.play(CELLS[name], count(1), runs=1)

    print(judged.totals, judged.told)  # noqa: T201 - what the fault met
    assert judged.state == "valid", (judged.reasons, judged.findings)
