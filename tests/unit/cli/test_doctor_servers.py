"""What ``parley doctor`` makes of servers that are away, of leases and of what servers say of themselves."""

from __future__ import annotations

import json
import os

import pytest

from parley.cli import main
from parley.cli.diagnosis.servers import look_at_leases, look_at_letters
from parley.domain.events import Position
from parley.domain.grants import Life, Partition
from parley.log.redis.diagnosis import judge_skew
from parley.search.opensearch.diagnosis import judge_blocks, judge_disks, judge_health
from parley.storage.sharing import Holder
from tests.support.server import free_ports

ROWS = [Partition(id_, Life(2, "run"), Position(2, 1), "log") for id_ in (0, 1)]
HELD = [Holder("persist-0", "a", 9_000), Holder("persist-1", "b", 9_000), Holder("index", "a", 9_000)]
GB = 10**9


@pytest.fixture(autouse=True)
def _closed_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    database, log, search, *binds = free_ports(6)
    monkeypatch.setenv("PARLEY_DATABASE_URL", f"mysql://parley:geheim@127.0.0.1:{database}/parley")
    monkeypatch.setenv("PARLEY_LOG_URL", f"redis://u:geheim@127.0.0.1:{log}")
    monkeypatch.setenv("PARLEY_SEARCH_URL", f"http://u:geheim@127.0.0.1:{search}/parley")
    for name, port in zip(("API", "WRITE", "ADMIN"), binds, strict=True):
        monkeypatch.setenv(f"PARLEY_{name}_BIND", f"127.0.0.1:{port}")


def test_doctor_says_which_servers_are_away(capsys: pytest.CaptureFixture[str]) -> None:
    """Each fails with its advice; nothing embedded is looked at, and no password is repeated."""
    assert main(["doctor", "--json"]) == 1

    written = capsys.readouterr().out
    found = {finding["subject"]: finding for finding in json.loads(written)}
    for subject in ("database", "log", "search"):
        assert found[subject]["status"] == "fail"
        assert found[subject]["advice"]
    assert not {"data folder", "owner", "schema", "leases"} & set(found)
    assert found["PARLEY_ADMIN_BIND"]["status"] == "ok"
    assert "geheim" not in written


@pytest.mark.parametrize(
    ("name", "url"),
    [("PARLEY_LOG_URL", "redis://h?bogus=1"), ("PARLEY_SEARCH_URL", "http://h/UPPER"), ("PARLEY_LOG_URL", "bogus://h")],
)
def test_doctor_says_that_a_url_cannot_be_read(
    name: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a start would, and looks at the rest."""
    monkeypatch.setenv(name, url)

    assert main(["doctor", "--json"]) == 1

    found = {finding["subject"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert name in found[name.removeprefix("PARLEY_").removesuffix("_URL").lower()]["found"]
    assert found["database"]["status"] == "fail"


def test_leases_are_fine_when_every_partition_is_held() -> None:
    """Workers are counted once."""
    finding = look_at_leases(ROWS, HELD)

    assert (finding.status, finding.found) == ("ok", "2 partitions are stored by 2 workers")


@pytest.mark.parametrize("holders", [HELD[:1], [HELD[0], Holder("persist-1", "b", -5)]])
def test_a_partition_that_nobody_stores_is_named(holders: list[Holder]) -> None:
    """A lease that has run out is none."""
    finding = look_at_leases(ROWS, holders)

    assert (finding.status, finding.found) == ("warn", "nobody stores partition 1 of 2")
    assert "parley work" in finding.advice


def test_a_partition_that_the_log_does_not_number_is_named() -> None:
    """With its mode."""
    finding = look_at_leases([ROWS[0], ROWS[1]._replace(mode="standby")], HELD)

    assert (finding.status, finding.found) == ("warn", "not numbered by the log: 1 (standby)")


def test_dead_letters_are_a_warning_with_the_command() -> None:
    """None are fine."""
    assert look_at_letters(0).status == "ok"
    assert (look_at_letters(2).status, look_at_letters(2).advice) == ("warn", "parley dead-letters list")


@pytest.mark.parametrize(
    ("skew_ms", "status"), [(0, "ok"), (1_000, "ok"), (-1_000, "ok"), (1_001, "warn"), (-5_000, "warn")]
)
def test_clocks_may_differ_by_a_second(skew_ms: int, status: str) -> None:
    """Ahead or behind."""
    finding = judge_skew("log", skew_ms)

    assert finding.status == status
    assert bool(finding.advice) == (status == "warn")


@pytest.mark.parametrize(
    ("used", "settings", "status"),
    [
        (80, {}, "ok"),
        (86, {}, "warn"),
        (96, {}, "fail"),
        (96, {"cluster.routing.allocation.disk.threshold_enabled": "false"}, "warn"),
        (86, {"cluster.routing.allocation.disk.watermark.low": "90%"}, "ok"),
        (91, {"cluster.routing.allocation.disk.watermark.flood_stage": "90%"}, "fail"),
    ],
)
def test_a_disk_is_judged_by_the_engines_own_watermarks(used: int, settings: dict[str, str], status: str) -> None:
    """Those that were set come before the defaults."""
    total = {"total_in_bytes": 100 * GB, "available_in_bytes": (100 - used) * GB}
    nodes = {"nodes": {"id": {"name": "one", "fs": {"total": total}}}}

    (finding,) = judge_disks({"defaults": {}, "persistent": settings, "transient": {}}, nodes)

    assert finding.status == status
    assert f"{used}%" in finding.found


def test_a_blocked_index_is_named_with_what_frees_it() -> None:
    """As the engine blocks it when the disk was full."""
    blocked = {"parley-messages-v1-1": {"settings": {"index": {"blocks": {"read_only_allow_delete": "true"}}}}}

    assert judge_blocks({}).status == "ok"
    finding = judge_blocks(blocked)
    assert (finding.status, finding.found) == ("fail", "blocked: parley-messages-v1-1 read_only_allow_delete")


@pytest.mark.parametrize(("status", "judged"), [("green", "ok"), ("yellow", "warn"), ("red", "fail")])
def test_the_engines_health_is_told(status: str, judged: str) -> None:
    """In its own colours."""
    assert judge_health({"status": status, "number_of_nodes": 1}).status == judged
