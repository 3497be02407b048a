"""The operator's commands: config, migrate, doctor, check, on real folders."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from parley.cli import main
from parley.cli.restore import MAX_BURN
from parley.database.ownership import Ownership
from tests.support.server import free_ports

TOKEN = "an-admin-token-of-our-own"  # noqa: S105 - of nobody
COMMANDS = ["config", "migrate", "doctor", "check"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    for name, port in zip(("API", "WRITE"), free_ports(2), strict=True):
        monkeypatch.setenv(f"PARLEY_{name}_BIND", f"127.0.0.1:{port}")


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Give a data folder that was migrated."""
    assert main(["migrate", "--data-dir", str(tmp_path / "data")]) == 0
    capsys.readouterr()
    return tmp_path / "data"


def run_json(capsys: pytest.CaptureFixture[str], expected: int, *arguments: str | Path) -> Any:  # noqa: ANN401 - JSON
    """Run a command and read its JSON."""
    assert main([*map(str, arguments), "--json"]) == expected
    return json.loads(capsys.readouterr().out)


def findings(capsys: pytest.CaptureFixture[str], expected: int, folder: Path, *flags: str) -> dict[str, dict[str, str]]:
    """Run the doctor and give its findings by subject."""
    found = run_json(capsys, expected, "doctor", "--data-dir", folder, *flags)
    return {finding["subject"]: finding for finding in found}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_flags_that_come_from_the_settings(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With an example, the setting's sentence and its variable."""
    assert main([command, "--help"]) == 0

    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"Example: parley {command}" in shown
    assert "--data-dir" in shown
    assert "Folder for the embedded database" in shown
    assert "[PARLEY_DATA_DIR]" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_wrong_flag_is_wrong_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and 2."""
    assert main([command, "--no-such-flag"]) == 2

    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("command", ["config", "migrate", "check"])
def test_wrong_value_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the setting and 1; the doctor makes a finding of it."""
    assert main([command, "--database-url", "nonsense"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert "PARLEY_DATABASE_URL (--database-url) is 'nonsense'" in line


def test_operator_sees_every_setting_and_its_origin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flag, environment, file and default; no secret."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    monkeypatch.setenv("PARLEY_ADMIN_TOKEN_FILE", str(file))
    monkeypatch.setenv("PARLEY_PARTITIONS", "8")

    settings = {each["name"]: each for each in run_json(capsys, 0, "config", "--readers", "5")}

    origins = {name: settings[name]["origin"] for name in ("readers", "partitions", "admin_token", "log_level")}
    assert origins == {"readers": "flag", "partitions": "environment", "admin_token": "file", "log_level": "default"}
    assert (settings["readers"]["value"], settings["admin_token"]["value"]) == ("5", "********")
    assert main(["config"]) == 0
    shown = capsys.readouterr().out
    assert "PARLEY_READERS" in shown
    assert TOKEN not in shown


def test_operator_is_warned_of_an_unknown_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On stderr, so that the JSON stays JSON."""
    monkeypatch.setenv("PARLEY_DATADIR", "x")

    assert main(["config", "--json"]) == 0

    written = capsys.readouterr()
    assert "did you mean PARLEY_DATA_DIR" in written.err
    json.loads(written.out)


def test_operator_sees_what_migrate_would_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run makes no folder; the real one says the same and does it; then nothing is left."""
    folder = tmp_path / "data"

    assert main(["migrate", "--dry-run", "--data-dir", str(folder)]) == 0
    planned = capsys.readouterr().out
    assert not folder.exists()
    assert main(["migrate", "--data-dir", str(folder)]) == 0
    done = capsys.readouterr().out
    assert main(["migrate", "--data-dir", str(folder)]) == 0
    again = capsys.readouterr().out

    assert "0001 first" in planned
    assert "nothing was changed" in planned
    assert done.startswith(planned.replace("nothing was changed\n", ""))
    assert done.endswith("done\n")
    assert "nothing to do" in again


def test_operator_cannot_migrate_under_a_running_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The owner is named, and nothing is made."""
    database = tmp_path / "data" / "parley.db"
    owned = Ownership.take(database)

    assert main(["migrate", "--data-dir", str(database.parent)]) == 1

    owned.release()
    assert str(os.getpid()) in capsys.readouterr().err
    assert not database.exists()


def test_doctor_finds_nothing_wrong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first start and after it."""
    for each in (folder, folder / "not" / "yet"):
        found = findings(capsys, 0, each)

        assert {finding["status"] for finding in found.values()} <= {"ok", "warn"}
        subjects = (
            "versions",
            "SQLite",
            "configuration",
            "data folder",
            "disk",
            "owner",
            "schema",
            "clock",
            "open files",
        )
        assert set(subjects) <= set(found)
        assert found["data folder"]["status"] == "ok"


def test_doctor_says_what_to_do_about_a_wrong_setting(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The finding is the line that a start would end with."""
    found = findings(capsys, 1, folder, "--readers", "many")

    assert found["configuration"]["status"] == "fail"
    assert "PARLEY_READERS" in found["configuration"]["found"]


def test_doctor_says_who_has_the_port(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another program's port is a failure, named with its flag."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
        held.close()
        with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2])), backlog=1):
            found = findings(capsys, 1, folder, "--api-bind", address)

    assert found["PARLEY_API_BIND"]["status"] == "fail"
    assert "--api-bind" in found["PARLEY_API_BIND"]["advice"]


def test_doctor_says_that_a_public_bind_needs_a_token(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a start would."""
    found = findings(capsys, 1, folder, "--api-bind", f"0.0.0.0:{free_ports(1)[0]}")

    assert "PARLEY_ADMIN_TOKEN" in found["binds"]["found"]


def test_doctor_says_who_owns_the_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By process id."""
    owned = Ownership.take(folder / "parley.db")

    found = findings(capsys, 0, folder)

    owned.release()
    assert str(os.getpid()) in found["owner"]["found"]


def test_doctor_says_that_others_may_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning with the command that mends it."""
    folder.chmod(0o755)

    found = findings(capsys, 0, folder)

    assert found["data folder"]["status"] == "warn"
    assert found["data folder"]["advice"] == f"chmod 700 {folder}"


def test_doctor_says_that_the_folder_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And changes nothing."""
    (tmp_path / "data").write_text("mine")

    found = findings(capsys, 1, tmp_path / "data")

    assert found["data folder"]["status"] == "fail"
    assert (tmp_path / "data").read_text() == "mine"


@pytest.mark.parametrize("content", [b"not a database, " * 512, b"SQLite format 3\0" + bytes(4080)])
def test_doctor_says_that_the_file_is_no_database(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The schema cannot be read."""
    (tmp_path / "parley.db").write_bytes(content)

    assert findings(capsys, 1, tmp_path)["schema"]["status"] == "fail"


def test_doctor_says_that_the_schema_is_newer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both versions are named."""
    alter(folder, "insert into schema_migration values (9876, 'x', 'x', 9876, 0)")

    assert "9876" in findings(capsys, 1, folder)["schema"]["found"]


def test_doctor_says_that_the_clock_is_behind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Behind the newest message."""
    alter(folder, "update partition set position_id = 4102444800000 << 20 where id = 0")

    found = findings(capsys, 0, folder)["clock"]

    assert found["status"] == "warn"
    assert "behind the newest message" in found["found"]


def test_doctor_says_that_files_cannot_be_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More connections than the system allows."""
    found = findings(capsys, 0, folder, "--max-connections", "1000000000")["open files"]

    assert found["status"] == "warn"
    assert "PARLEY_MAX_CONNECTIONS" in found["advice"]


def test_check_is_clean_on_a_new_database(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a table and in JSON."""
    told = run_json(capsys, 0, "check", "--data-dir", folder)

    assert told["ok"] is True
    assert set(told["checks"].values()) == {0}
    assert main(["check", "--data-dir", str(folder)]) == 0
    assert "differs" not in capsys.readouterr().out


def test_check_names_every_difference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As lines below the table, at most as many as asked for, all counted; and ends with 1."""
    alter(folder, "insert into message (id, epoch, position, body, created_at) values ((7 << 32 | 1), 1, 1, 'x', 1)")
    alter(folder, "insert into message (id, epoch, position, body, created_at) values ((7 << 32 | 2), 1, 1, 'x', 1)")

    assert main(["check", "--data-dir", str(folder), "--limit", "1"]) == 1
    shown = capsys.readouterr().out
    told = run_json(capsys, 1, "check", "--data-dir", folder)

    assert "numbers: unknown chat 7, message 1: its chat never was" in shown
    assert "numbers: 1 more; see them with --limit 2" in shown
    assert told["ok"] is False
    assert told["checks"]["numbers"] == 2
    assert len(told["differences"]) == 2


def test_check_needs_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line; nothing is made."""
    assert main(["check", "--data-dir", str(tmp_path / "none")]) == 1

    assert "there is no database" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def alter(folder: Path, statement: str) -> None:
    """Change the database behind everybody's back."""
    with closing(apsw.Connection(str(folder / "parley.db"))) as connection:
        connection.execute(statement).fetchall()


def test_a_restore_burns_a_bounded_part_of_the_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of a digit leaves chats without numbers for good; whoever needs more repeats it, for burns add up."""
    command = ("restore", "--in-place", "--yes", "--data-dir", str(folder), "--burn")

    assert main([*command, str(MAX_BURN + 1)]) != 0
    assert str(MAX_BURN) in capsys.readouterr().err

    assert [main([*command, str(MAX_BURN)]) for _ in range(2)] == [0, 0]
    with closing(apsw.Connection(str(folder / "parley.db"))) as database:
        assert list(database.execute("select distinct burn from partition")) == [(2 * MAX_BURN,)]
