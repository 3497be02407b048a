"""The matrix of engines calls green only what ran whole, on servers that said what they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engines.chosen import Choice, chosen
from tests.support.engines.fixtures import SAID
from tests.support.matrix import judge

HEAD = f"""
import pytest

SAYS = "Valkey 8.1.1"

@pytest.fixture(scope="session")
def server(record_testsuite_property):
    record_testsuite_property({SAID!r}, SAYS)
"""
PASSES = "def test_passes(server): pass\n"
CASES = {
    "all passed": (PASSES, 1, True),
    "one failed": (f"{PASSES}def test_fails(): assert 0\n", 1, False),
    "one could not begin": (f"{PASSES}def test_errs(nobody): pass\n", 1, False),
    "one was skipped": (f"{PASSES}def test_skips(): pytest.skip('no server')\n", 1, False),
    "one was expected to fail": (f"{PASSES}@pytest.mark.xfail\ndef test_fails(): assert 0\n", 1, False),
    "there is none": ("", 0, False),
    "another server answered": (f"SAYS = 'Redis 8.0.2'\n{PASSES}", 1, False),
    "no server was asked": ("def test_passes(): pass\n", 1, False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_line_is_green_when_all_its_tests_passed_on_a_server_that_said_its_version(case: str, tmp_path: Path) -> None:
    """Each other outcome of a real run is counted, and is not green."""
    source, passed, is_green = CASES[case]
    (tmp_path / "test_it.py").write_text(HEAD + source)
    report = tmp_path / "report.xml"

    command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", str(tmp_path)]
    quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=quick, capture_output=True, check=False)
    outcome = judge(report, done.returncode, [], {"valkey"})

    assert (outcome.passed, outcome.is_green) == (passed, is_green), done.stdout


def test_the_environment_puts_a_product_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not named there is as usual."""
    monkeypatch.setenv("PARLEY_TEST_ENGINES", "valkey@trixie opensearch mysql@sid")

    assert chosen("redis", "valkey") == Choice("valkey", "trixie")
    assert chosen("mariadb", "mysql") == Choice("mysql", "sid")
    assert chosen("opensearch", "elasticsearch", edition="2.19.1.0") == Choice("opensearch", "2.19.1.0")
    assert chosen("kafka") == Choice("kafka", "")
