"""The command line's own manners: help, exit codes, one line an error."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from parley.cli import COMMANDS, main
from tests.support.server import free_ports, parley_command

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of nobody
CLIENT_COMMANDS = [("import",), ("export",), ("bench",), ("apps",), ("apps", "create"), ("apps", "list")]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    return subprocess.run([*parley_command(), *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With a sentence each."""
    assert main(["--help"]) == 0

    shown = capsys.readouterr().out
    for name, (_, sentence) in COMMANDS.items():
        assert name in shown
        assert " ".join(sentence.split()[:4]) in shown


def test_help_imports_no_command_and_no_heavy_library() -> None:
    """``parley --help`` stays quick however much a command needs."""
    code = (
        "import sys, parley.cli; parley.cli.main(['--help']);"
        "print([m for m in ('httpx', 'litestar', 'pydantic', 'uvloop', 'apsw', 'msgspec') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", CLIENT_COMMANDS, ids=" ".join)
def test_command_help_has_an_example(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """One that can be typed."""
    assert main([*command, "--help"]) == 0

    assert "Example: parley " in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_where_it_was_registered(name: str) -> None:
    """The import path of a lazy command is only tried when it is called: try them all here."""
    module, _, attribute = COMMANDS[name][0].partition(":")

    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bogus"], "there is no command 'bogus'"),
        (["--bogus"], "--bogus"),
        (["export"], "--application"),
        (["export", "--application", TOKEN, "--chat", "x"], "--chat"),
        (["export", "--application", TOKEN, "--chat", "0"], "--chat"),
        (["import", "/nowhere/f.jsonl", "--application", TOKEN], "/nowhere/f.jsonl"),
        (["import", __file__, "--application", TOKEN, "--concurrency", "0"], "--concurrency"),
        (["apps", "create"], "requires an argument"),
        (["apps", "bogus"], "bogus"),
    ],
)
def test_wrong_usage_is_one_line_and_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names what is wrong, on stderr."""
    monkeypatch.delenv("PARLEY_APPLICATION", raising=False)

    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("parley: ")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "--application", "a/b"], "--application takes an application's token"),
        (["export", "--application", TOKEN, "--url", "here"], "'here' is not an address"),
        (["apps", "list", "--url", "http://127.0.0.1:1"], "cannot reach http://127.0.0.1:1"),
        (["apps", "create", "x", "--admin-token", "a\nb"], "the admin token must be printable"),
        (["export", "--application", TOKEN, "--output", "/nowhere/f"], "/nowhere"),
    ],
)
def test_error_is_one_line_and_1(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, and what to look at."""
    assert main(arguments) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("parley: ")
    assert err.count("\n") == 1
    assert words in err


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """``parley --version`` prints nothing else."""
    assert main(["--version"]) == 0

    assert capsys.readouterr().out == f"{importlib.metadata.version('parley')}\n"


def test_import_without_a_server_gives_up_and_says_how_to_resume(tmp_path: Path) -> None:
    """After the time it was given, with what it met."""
    file = tmp_path / "f.jsonl"
    file.write_text(json.dumps({"body": "x"}))
    url = f"http://127.0.0.1:{free_ports(1)[0]}"

    done = run("import", str(file), "--application", TOKEN, "--url", url, "--give-up-after", "0.3")

    assert done.returncode == 1
    resume, error = done.stderr.splitlines()
    assert resume.endswith(f"call the same command again to resume from {file}.parley-journal")
    assert error.startswith("parley: gave up after 0.3 s without any progress")


def test_import_keeps_its_three_files_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file itself can be neither journal nor the place of rejected lines."""
    file = tmp_path / "f.jsonl"
    file.write_text('{"body":"x"}')

    codes = [
        main(["import", str(file), "--application", TOKEN, option, str(file)]) for option in ("--journal", "--rejected")
    ]

    assert codes == [1, 1]
    assert capsys.readouterr().err.count("must be three files") == 2
    assert file.read_text() == '{"body":"x"}'
