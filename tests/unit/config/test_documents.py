"""The documents say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from parley.cli.config import metrics_markdown, settings_markdown
from parley.config import Settings, default_text, variable_of

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("name", "table", "command"),
    [
        ("configuration.md", settings_markdown(), "parley config --markdown"),
        ("metrics.md", metrics_markdown(), "parley config --metrics"),
    ],
)
def test_reader_finds_every_setting_and_metric(name: str, table: str, command: str) -> None:
    """The table is the one that the command prints."""
    assert table in (DOCS / name).read_text("utf-8"), f"put into docs/{name} what `{command}` prints"


def test_reader_finds_every_limit_with_its_setting_and_default() -> None:
    """Each row of docs/limits.md that names a setting has that setting's default, and none is left out."""
    text = (DOCS / "limits.md").read_text("utf-8")
    rows = re.findall(r"^\| .* \| `(PARLEY_\w+)` \| ([\d,.]+) \|", text, re.MULTILINE)

    told = {variable: float(default.replace(",", "")) for variable, default in rows}

    limits = [name for name, field in Settings.model_fields.items() if field.annotation in {int, float}]
    assert told == {variable_of(name): float(default_text(name)) for name in limits}
