"""One process owns a database, as long as it lives and no longer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.database.ownership import Ownership, owner_of
from parley.domain.errors import ConfigurationError

HOLD = """
import sys
from pathlib import Path
from parley.database.ownership import Ownership
owned = Ownership.take(Path(sys.argv[1]))
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Give the path of a database in a folder that is not there yet."""
    return tmp_path / "data" / "parley.db"


@pytest.fixture
def owner(database: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Give another process, which owns the database."""
    command = [sys.executable, "-c", HOLD, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        yield process
        process.kill()


def test_a_second_process_is_refused(database: Path, owner: subprocess.Popen[bytes]) -> None:
    """The message names the owner and what to do."""
    with pytest.raises(ConfigurationError, match=rf"in use by process {owner.pid}; stop it, or choose another"):
        Ownership.take(database)
    assert owner_of(database) == str(owner.pid)


def test_a_killed_owner_lets_go(database: Path, owner: subprocess.Popen[bytes]) -> None:
    """After kill -9 nothing has to be removed by hand."""
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()

    assert owner_of(database) is None
    Ownership.take(database).release()


def test_an_owner_lets_go_and_takes_again(database: Path) -> None:
    """Within one process as between two; the folder and the lock are its owner's alone."""
    owned = Ownership.take(database)
    with pytest.raises(ConfigurationError, match=f"in use by process {os.getpid()};"):
        Ownership.take(database)
    while_owned = owner_of(database)

    owned.release()
    Ownership.take(database).release()

    assert while_owned == str(os.getpid())
    assert owner_of(database) is None
    assert database.parent.stat().st_mode & 0o777 == 0o700
    assert database.with_name("parley.db.lock").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """One line that says why and what to change, and nothing is made."""
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match=r"cannot write to the data folder .*/file: .*--data-dir"):
        Ownership.take(tmp_path / "file" / "parley.db")


def test_nobody_owns_what_is_not_there(database: Path) -> None:
    """Asking makes neither the folder nor the lock."""
    assert owner_of(database) is None
    assert not database.parent.exists()
