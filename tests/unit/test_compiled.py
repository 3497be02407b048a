"""What the compiled build compiles, and with what."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from parley.cli.diagnosis.machine import look_at_versions
from parley.http.wire import connection
from tests.support.compiled import ROOT, build_hook, meant, not_compiled


def test_every_line_names_modules_that_exist() -> None:
    """The build leaves out in silence what is not there any more."""
    named = meant(build_hook())

    assert not [line for line, modules in named.items() if not modules]
    assert "parley.http.wire.connection" in named["src/parley/http/wire/*.py"]
    assert not [name for modules in named.values() for name in modules if name.endswith("__init__")]


def test_a_line_that_names_nothing_is_seen(tmp_path: Path) -> None:
    """As after a module was moved."""
    (tmp_path / "src" / "room").mkdir(parents=True)
    (tmp_path / "src" / "room" / "here.py").touch()
    hook = {"exclude": [], "include": ["src/room/*.py", "src/room/gone.py"]}

    assert meant(hook, tmp_path) == {"src/room/*.py": ["room.here"], "src/room/gone.py": []}


def test_the_compiler_is_the_locked_one() -> None:
    """What checks the types is what compiles them, and what a Struct is stands in one version."""
    locked = {
        each["name"]: each.get("version")
        for each in tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    }  # fmt: skip
    pinned = dict(requirement.split("==") for requirement in build_hook()["dependencies"])

    assert {"mypy", "msgspec"} <= set(pinned)
    assert {name: locked[name] for name in pinned if name in locked} == {
        name: version for name, version in pinned.items() if name in locked
    }


def test_doctor_says_which_build_it_is() -> None:
    """What runs is not always what was meant to be installed."""
    is_compiled = not_compiled([connection.__name__]) == []

    told = next(iter(look_at_versions())).found

    assert told.endswith("Parley is compiled" if is_compiled else "Parley is not compiled")


@pytest.mark.parametrize("name", ["tests.support.compiled", "parley.nowhere"])
def test_what_is_no_compiled_module_is_named(name: str) -> None:
    """Source is, and so is what is not there."""
    assert not_compiled([name]) == [name]
