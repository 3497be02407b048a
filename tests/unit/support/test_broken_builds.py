"""The broken builds of the whole product are builds of today's product: what they patch is there, and changes."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from parley.storage import mysql
from tests.faults.attempts import Checked
from tests.faults.builds import server
from tests.faults.builds.build import SWITCH, Build, environment, replaced
from tests.faults.builds.table import BUILDS
from tests.faults.cells import CELLS
from tests.faults.controls import CONTROLS

ALL = pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)


def takes(function: Callable[..., Any]) -> tuple[int, bool]:
    """Tell how many parameters a function has by place, and whether it takes any number of them."""
    parameters = inspect.signature(function).parameters.values()
    by_place = [each for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    return len(by_place), any(each.kind is each.VAR_POSITIONAL for each in parameters)


@ALL
def test_build_patches_what_the_product_has(build: Build) -> None:
    """A name that is gone, inherited, or takes other parameters would leave a control without its fault."""
    assert build.patches

    for place, name, value in build.patches:
        original = vars(place)[name]
        assert original is not value
        assert inspect.iscoroutinefunction(original) == inspect.iscoroutinefunction(value)
        expected, _ = takes(original)
        count, is_open = takes(value)
        assert count == expected or (is_open and count <= expected), f"{name} has {expected} parameters"


def test_process_becomes_the_build_it_is_told_to_be() -> None:
    """The shim installs the patches before the product's first line runs, and says nothing else."""
    looking = (
        "from tests.faults.builds.server import TRIM_FIRST\n"
        "print(all(vars(place)[name] is value for place, name, value in TRIM_FIRST.patches))"
    )

    done = subprocess.run(
        [sys.executable, "-c", looking],
        env={**os.environ, **environment(server.TRIM_FIRST.name)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_process_stays_whole_without_the_switch() -> None:
    """Cells load the same shim, and are the product."""
    assert SWITCH not in environment()


@pytest.mark.parametrize(("original", "broken"), [
    (mysql.queries, server._queries_ignoring),
    (mysql.migrations, server._migrations_without_key),
])  # fmt: skip
def test_text_that_a_build_changes_is_changed(original: Callable[[], object], broken: Callable[[], object]) -> None:
    """SQL is patched as text: what is to be replaced stands there once."""
    assert broken() != original()


def test_replacing_refuses_what_does_not_stand_there() -> None:
    """An empty replacement would be an empty control."""
    with pytest.raises(ValueError, match="0 times"):
        replaced("insert into message", "replace into", "insert into")


def test_every_build_has_a_control_and_a_cell_that_is_there() -> None:
    """No build is left out, and none waits for a cell that was renamed."""
    assert CONTROLS.keys() == BUILDS.keys()

    cells = [each.judge for each in CONTROLS.values() if isinstance(each, Checked)]
    assert cells
    assert set(cells) <= CELLS.keys()
