"""A backup's folder and manifest: whole or not there, and every bit of it vouched for."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest

from parley.cli.backups.folder import refuse_present, unfinished
from parley.cli.backups.histories import next_epochs
from parley.cli.backups.manifest import FORMAT, Manifest, describe, read_manifest, verify, write_manifest
from parley.config import load_settings
from parley.domain.errors import ConfigurationError
from parley.domain.events import Position, position_id
from parley.storage.archive import Holdings, Place
from parley.telemetry.clock import SystemClock

AT = Position(3, 77)
COUNTS = {"applications": 1, "chats": 2, "messages": 3, "keys": 4, "gaps": 5, "letters": 6}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a backup with one file."""
    (tmp_path / "copy").write_bytes(bytes(range(256)) * 8)
    holdings = Holdings(1, 1, [Place(0, 3, "log", AT, AT)], 7, 9, COUNTS)
    file = describe(tmp_path / "copy", lambda _: None)
    write_manifest(tmp_path, Manifest(FORMAT, "1.2.3", "2026-11-22T13:00:00.000Z", "mysql", {0: AT}, holdings, [file]))
    return tmp_path


def read_all(folder: Path) -> Manifest:
    """Read a backup as a restore does first."""
    manifest = read_manifest(folder)
    verify(folder, manifest, lambda _: None)
    return manifest


def test_a_manifest_comes_back_as_it_was_written(folder: Path) -> None:
    """With positions by partition, and every count."""
    manifest = read_all(folder)

    assert manifest.cut == {0: AT}
    assert manifest.holdings.partitions[0] == Place(0, 3, "log", AT, AT)
    assert manifest.holdings.counts == COUNTS
    assert (manifest.product, manifest.kind, manifest.files[0].bytes) == ("1.2.3", "mysql", 2_048)


@pytest.mark.parametrize("name", ["copy", "manifest.json", "manifest.json.sha256"])
def test_whatever_bit_is_flipped_its_file_is_named(folder: Path, name: str) -> None:
    """Each byte of each file, in one of its bits."""
    whole, rng = (folder / name).read_bytes(), Random(name)
    for at in range(len(whole)):
        flipped = bytes([whole[at] ^ 1 << rng.randrange(8)])
        (folder / name).write_bytes(whole[:at] + flipped + whole[at + 1 :])

        with pytest.raises(ConfigurationError, match=name):
            read_all(folder)


@pytest.mark.parametrize("name", ["copy", "manifest.json", "manifest.json.sha256"])
def test_a_file_that_is_missing_or_shorter_is_named(folder: Path, name: str) -> None:
    """As an interrupted copy leaves it."""
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(ConfigurationError, match=name):
        read_all(folder)

    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match=name):
        read_all(folder)


def test_a_manifest_of_another_format_is_refused(folder: Path) -> None:
    """Whatever else it says."""
    manifest = read_manifest(folder)
    write_manifest(folder, msgspec.structs.replace(manifest, format=2))

    with pytest.raises(ConfigurationError, match="has format 2; this version of Parley reads format 1"):
        read_manifest(folder)


def test_a_folder_has_its_name_once_it_is_complete(tmp_path: Path) -> None:
    """What an earlier process left in the middle is gone; only the owner may read it."""
    target = tmp_path / "monday"
    for left in (".monday.unfinished-backup", ".sunday.unfinished-backup"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "left").touch()

    with unfinished(target) as folder:
        assert list(folder.iterdir()) == []
        (folder / "new").touch()
        assert not target.exists()

    assert [path.name for path in target.iterdir()] == ["new"]
    assert target.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_no_folder(tmp_path: Path) -> None:
    """Neither under its name nor under another."""

    def write_half() -> None:
        with unfinished(tmp_path / "monday") as folder:
            (folder / "half").touch()
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()

    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_make_the_same_backup(tmp_path: Path) -> None:
    """The later one is refused, and leaves the first one's files alone."""
    with unfinished(tmp_path / "monday") as folder:
        (folder / "mine").touch()
        with (
            pytest.raises(ConfigurationError, match="another process is making"),
            unfinished(tmp_path / "monday"),
        ):
            raise AssertionError
        with unfinished(tmp_path / "tuesday"):
            assert (folder / "mine").exists()


def test_a_backup_is_written_over_nothing(tmp_path: Path) -> None:
    """Nor into a folder that is not there."""
    with pytest.raises(ConfigurationError, match="is there already"):
        refuse_present(tmp_path)
    with pytest.raises(ConfigurationError, match="there is no folder"):
        refuse_present(tmp_path / "missing" / "monday")


def test_what_an_index_knows_of_a_lost_history_is_older_than_what_begins_after_a_restore() -> None:
    """However often the lost one began an epoch since the backup, and where the new log says nothing of that."""
    place = Place(0, 7, "log", AT, AT)
    settings = load_settings({"database_url": "mysql://parley@db/parley", "log_url": "redis://log"})

    epochs, ended = next_epochs(settings, [place], SystemClock(), log_is_new=True)

    lost = Position(place.epoch + 50, position_id(SystemClock().now_ms()))
    assert lost < place.floor(epochs[0], 0)
    assert ended == []
