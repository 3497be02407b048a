"""Says which modules the compiled build compiles, and lets a run prove that it was of them.

.compiled/bin/python -m pytest -p tests.support.compiled tests/unit/http
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src"


def build_hook() -> Mapping[str, Any]:
    """Give what pyproject.toml says about compiling."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    hook: Mapping[str, Any] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]
    return hook


def meant(hook: Mapping[str, Any], root: Path = ROOT) -> dict[str, list[str]]:
    """Give the modules that each line names."""
    return {
        line: [
            ".".join(path.relative_to(root / "src").with_suffix("").parts)
            for path in sorted(root.glob(line))
            if path.name not in hook["exclude"]
        ]
        for line in hook["include"]
    }


def not_compiled(names: Sequence[str]) -> list[str]:
    """Give the modules that this interpreter would run from their source."""
    specs = {name: find_spec(name) for name in names}
    return [name for name, spec in specs.items() if spec is None or not str(spec.origin).endswith(".so")]


def pytest_configure() -> None:
    """Refuse to run on anything but the compiled package.

    Raises:
        UsageError: names what is not compiled.
    """
    names = [name for found in meant(build_hook()).values() for name in found]
    if found := not_compiled(names):
        raise pytest.UsageError(f"this run is to be of the compiled package, and these are not: {', '.join(found)}")


def pytest_report_header() -> str:
    """Say so at the top."""
    return f"parley: compiled, {find_spec('parley.http.wire.connection').origin}"  # type: ignore[union-attr]
