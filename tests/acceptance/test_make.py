"""The two commands of the README as an operator meets them: on a terminal, and on a machine that lacks something."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.server import free_ports

ROOT = Path(__file__).parents[2]
PROGRAMS = ("bash", "cat", "cksum", "dirname", "env", "grep", "head", "make", "rm", "setpriv", "sort")
CTRL_C = b"\x03"


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *command: str) -> None:
        """Start it in the checkout."""
        self._descriptor, inside = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],  # noqa: S607 - util-linux
            cwd=ROOT,
            stdin=inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)
        self.shown = ""

    def read_until(self, text: str, timeout_s: float) -> None:
        """Collect what is shown until a text is there; the end or the time-out fails the test."""
        deadline = time.monotonic() + timeout_s
        while text not in self.shown:
            readable, _, _ = select.select([self._descriptor], [], [], max(0, deadline - time.monotonic()))
            assert readable, f"{text!r} was not shown within {timeout_s} s:\n{self.shown}"
            self.shown += self._read()

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._descriptor, keys)

    def wait(self) -> int:
        """Collect what is still shown, and give the exit code as a shell would."""
        while piece := self._read(at_end=""):
            self.shown += piece
        os.close(self._descriptor)
        return self._process.wait()

    def _read(self, at_end: str | None = None) -> str:
        try:
            return os.read(self._descriptor, 65536).decode("utf-8", "replace")
        except OSError:  # how Linux says that nobody holds the other side
            assert at_end is not None, f"it ended:\n{self.shown}"
            return at_end


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a folder with what `make serve` needs before it has made an environment."""
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path


def make(goal: str, folder: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a task with this environment and nothing else."""
    make = shutil.which("make")
    assert make is not None
    return subprocess.run(
        [make, goal], cwd=folder, env=dict(env), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def programs(folder: Path, *names: str) -> str:
    """Make a PATH that has these programs only."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return str(folder)


def test_operator_stops_make_serve_with_ctrl_c(tmp_path: Path) -> None:
    """Ctrl-C drains and ends with 0, and make adds no word of its own."""
    api, write = free_ports(2)
    flags = f"--data-dir {tmp_path} --api-bind 127.0.0.1:{api} --write-bind 127.0.0.1:{write}"
    terminal = Terminal("make", "serve", f"ARGS={flags}")

    terminal.read_until(f"127.0.0.1:{write}", timeout_s=60)
    terminal.read_until("curl", timeout_s=10)
    terminal.press(CTRL_C)

    assert terminal.wait() == 0, terminal.shown
    assert "***" not in terminal.shown
    assert "Traceback" not in terminal.shown


def test_newcomer_sees_the_tasks(clone: Path) -> None:
    """`make` alone lists what there is."""
    done = make("help", clone, os.environ)

    assert [line.split()[1] for line in done.stdout.splitlines()][:3] == ["help", "serve", "test"]


def test_operator_is_told_when_python_is_missing(clone: Path, tmp_path: Path) -> None:
    """Without Python 3.11 one line says so, and nothing is made."""
    done = make("serve", clone, {"PATH": programs(tmp_path / "bin", *PROGRAMS)})

    said = [line for line in done.stderr.splitlines() if line.startswith("parley: ") and "making" not in line]
    assert done.returncode != 0
    assert len(said) == 1
    assert "Python 3.11" in said[0]
    assert not (clone / ".venv").exists()


def test_operator_is_told_which_package_brings_venv(clone: Path, tmp_path: Path) -> None:
    """Without uv, venv and pip one line names the package to install."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    for module in ("ensurepip", "pip"):
        (blocked / f"{module}.py").write_text("raise ImportError")
    path = programs(tmp_path / "bin", *PROGRAMS, "python3")

    done = make("serve", clone, {"PATH": path, "PYTHONPATH": str(blocked), "HOME": str(tmp_path)})

    assert done.returncode != 0
    assert "python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_build_server_runs_every_suite_whole(tmp_path: Path) -> None:
    """Nothing may be left out: pytest runs all it finds, then some of it compiled, then what is pinned is audited."""
    path = programs(tmp_path / "bin", "bash", "dirname", "env")
    make = tmp_path / "bin" / "make"
    make.write_text(f'#!/usr/bin/env bash\necho "CI=$CI"\nexec {shutil.which("make")} --dry-run "$@"\n')
    make.chmod(0o755)

    done = subprocess.run([ROOT / ".ci" / "run"], env={"PATH": path}, check=True, capture_output=True, text=True)

    said = [line.strip() for line in done.stdout.splitlines()]
    compiled = next(line for line in said if line.startswith(".compiled/bin/python")).split()
    assert said[0] == "CI=true"
    assert ".venv/bin/python -m pytest -n 2 --dist loadfile" in said
    assert compiled[:5] == [".compiled/bin/python", "-m", "pytest", "-p", "tests.support.compiled"]
    assert said[-1] == ".venv/bin/python -m tests.support.audit"
    assert all((ROOT / word).exists() for word in compiled if word.startswith("tests/"))
