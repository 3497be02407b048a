"""The house rules that no linter knows, each with a proof on a small source that it can fail."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "parley"
TESTS = ROOT / "tests"
PACE = TESTS / "support" / "pace.py"
"""Where time may pass because time is the input."""

LONGEST_LINES = 400
MEDIAN_LINES = 130
REFUSED_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

CLOCK = re.compile(r"^(datetime|date|datetime\.(datetime|date))\.(now|utcnow|today)$|^time\.(time|time_ns|localtime)$")
ENVIRONMENT = re.compile(r"^os\.(environ|environb|getenv|putenv)$")
STATEMENT = re.compile(
    r"\s*(SELECT\s.+\sFROM\s|SELECT\s+[\w?*]+\s*([(;,]|$)|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s"
    r"|(CREATE|DROP|ALTER)\s+(TEMP\s+|VIRTUAL\s+|UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s|WITH\s+\w+\s+AS\s*\("
    r"|REPLACE\s+INTO\s|ATTACH\s|VACUUM\b|PRAGMA\s|(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b(\s+\w+)?\s*$)",
    re.DOTALL,
)


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file once."""
    return ast.parse(path.read_text("utf-8"), str(path))


def modules(folder: Path) -> list[Path]:
    """List a folder's modules in order."""
    return sorted(folder.rglob("*.py"))


def place(path: Path, node: ast.AST) -> str:
    """Name a line the way editors open it."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def dotted_uses(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Give every name that is used, as what was imported: ``now`` of ``from x import now`` is ``x.now``."""
    behind: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            behind |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            behind |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute | ast.Name):
            first, dot, rest = ast.unparse(node).partition(".")
            yield node, f"{behind.get(first, first)}{dot}{rest}"


def literals(module: ast.Module) -> Iterator[ast.Constant]:
    """Give every string that is not a docstring."""
    documentation = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node


def uses(module: ast.Module, pattern: re.Pattern[str]) -> list[ast.AST]:
    """Find the uses of names that match."""
    return [node for node, name in dotted_uses(module) if pattern.search(name)]


def calls(module: ast.Module, pattern: re.Pattern[str]) -> list[ast.AST]:
    """Find the calls of names that match; handing a function on as a parameter is none."""
    called = {id(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}
    return [node for node in uses(module, pattern) if id(node) in called]


def statements(module: ast.Module) -> list[ast.Constant]:
    """Find strings that are SQL."""
    return [node for node in literals(module) if STATEMENT.match(str(node.value).upper())]


def sleeps(module: ast.Module) -> list[ast.AST]:
    """Find calls that let time pass; not between two looks at a loop's condition, and not ``sleep(0)``."""
    loops = [
        node for node in ast.walk(module) if isinstance(node, ast.While) and not isinstance(node.test, ast.Constant)
    ]
    polling = {id(inner) for loop in loops for inner in ast.walk(loop)}
    timed = [node for node in ast.walk(module) if isinstance(node, ast.Call) and node.args and id(node) not in polling]
    return [call for call in timed if ast.unparse(call.func).endswith("sleep") and ast.unparse(call.args[0]) != "0"]


def undocumented(module: ast.Module) -> list[ast.AST]:
    """Find test functions without a docstring."""
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node for node in functions if node.name.startswith("test_") and not ast.get_docstring(node)]


def refused(name: str) -> bool:
    """Tell whether a module's name says nothing about what it holds."""
    return bool(REFUSED_NAMES & set(name.lower().split("_")))


def is_valid_shell(path: Path) -> bool:
    """Let bash read a script without running it."""
    return subprocess.run(["bash", "-n", path], check=False, capture_output=True).returncode == 0  # noqa: S607


def test_a_module_has_at_most_400_lines_and_half_of_them_130() -> None:
    """A module that outgrows its budget becomes two nouns."""
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in [*modules(SOURCE), *modules(TESTS)]}

    too_long = {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > LONGEST_LINES}
    middle = median(lengths[path] for path in modules(SOURCE))

    assert not too_long, f"split these into two nouns each: {too_long}"
    assert middle <= MEDIAN_LINES, f"the median module has {middle} lines: split the longest"


def test_a_module_is_named_after_what_it_holds() -> None:
    """Names that fit anything, as utils or manager, are refused for modules and folders."""
    names = {path.relative_to(ROOT) for path in [*modules(SOURCE), *modules(TESTS)]}

    assert refused("sql_utils")
    assert not refused("database")

    found = [str(name) for name in names if any(refused(part) for part in name.with_suffix("").parts)]
    assert not found, f"name these after the thing they hold: {found}"


def test_only_the_clock_reads_the_time() -> None:
    """Everybody else takes a Clock, so that time can be set in tests."""
    sample = ast.parse("from datetime import datetime as d\nimport time\nd.now(); time.time(); start(time.time)")
    expected_calls = 2

    assert len(calls(sample, CLOCK)) == expected_calls

    others = [path for path in modules(SOURCE) if path != SOURCE / "telemetry" / "clock.py"]
    found = [place(path, node) for path in others for node in calls(tree(path), CLOCK)]
    assert not found, f"take a parley.telemetry.clock.Clock as a parameter: {found}"


def test_only_the_configuration_reads_the_environment() -> None:
    """A setting exists once, in parley.config, with a default and a sentence."""
    sample = ast.parse("from os import environ, getenv\nimport os\nenviron['A']; getenv('A'); os.environ.get('A')")
    expected_uses = 3

    assert len(uses(sample, ENVIRONMENT)) == expected_uses

    others = [path for path in modules(SOURCE) if path != SOURCE / "config.py"]
    found = [place(path, node) for path in others for node in uses(tree(path), ENVIRONMENT)]
    assert not found, f"add a setting to parley.config and take its value as a parameter: {found}"


@pytest.mark.parametrize("text", ["SELECT body FROM messages", "insert into keys values (?)", "PRAGMA page_count"])
def test_the_sql_rule_sees_a_statement(text: str) -> None:
    """A statement in a string is found, one in a docstring is not."""
    assert statements(ast.parse(f"run({text!r})"))
    assert not statements(ast.parse(f'def work():\n    """{text}"""'))
    assert not statements(ast.parse("complain('Select a chat first'); complain('update the settings')"))


def test_sql_lives_in_sql_files() -> None:
    """Python calls a query by name; only the database room, which has no business words, speaks SQL itself."""
    others = [path for path in modules(SOURCE) if not path.is_relative_to(SOURCE / "database")]

    found = [f"{place(path, node)} {str(node.value)[:40]!r}" for path in others for node in statements(tree(path))]

    assert not found, f"move these into a named query under sql/<dialect>/: {found}"


def test_a_test_waits_for_a_condition_and_not_for_time() -> None:
    """A test sleeps only between two looks at a condition: what is slow today is slower on another machine."""
    sample = ast.parse("time.sleep(1)\nawait asyncio.sleep(0)\nwhile True: sleep(wait_s)\nwhile not done: sleep(1)")
    expected_sleeps = 2

    assert len(sleeps(sample)) == expected_sleeps

    found = [place(path, node) for path in modules(TESTS) if path != PACE for node in sleeps(tree(path))]
    assert not found, f"wait for what you need with tests.support.polling.wait_for: {found}"


def test_a_test_says_in_a_sentence_what_it_proves() -> None:
    """Every test function has a docstring."""
    assert undocumented(ast.parse("async def test_nothing(): ..."))

    found = [place(path, node) for path in modules(TESTS) for node in undocumented(tree(path))]
    assert not found, f"add one sentence: who does what, and when: {found}"


def test_a_shell_script_can_be_read_by_bash(tmp_path: Path) -> None:
    """A script that bash cannot parse is found before it runs."""
    broken = tmp_path / "broken.sh"
    broken.write_text("if true; then\n")

    assert not is_valid_shell(broken)

    scripts = [ROOT / ".ci" / "run", *sorted((ROOT / "scripts").glob("*.sh"))]
    found = [str(path.relative_to(ROOT)) for path in scripts if not is_valid_shell(path)]
    assert not found, f"`bash -n` says what is wrong with {found}"
