"""Several processes on one port: replaced without a failed request, restarted when they die, ended in order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.commands import refusal, run_parley
from tests.support.polling import wait_for
from tests.support.processes import PATIENCE_S, Load, Processes, is_running, request
from tests.support.stopping import halt

ROUNDS = 20
QUICK, SLOW, IDLE = 0.004, 0.05, 1.5
CLIENTS = [*[QUICK] * 6, *[SLOW] * 8, *[IDLE] * 4]
NEWCOMERS = 4


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Give two processes and their parent."""
    with Processes(tmp_path) as running:
        yield running


async def replaced(processes: Processes, rounds: int) -> None:
    """Return when so many rounds are over."""
    what = f"{rounds} rounds of replacement"
    await asyncio.to_thread(
        wait_for, lambda: len(processes.events("processes replaced")) >= rounds, what, PATIENCE_S, 0.1
    )


@pytest.mark.timeout(900)
async def test_operator_replaces_the_processes_twenty_times_without_a_failed_request(processes: Processes) -> None:
    """Under load from clients that keep their connection and from new ones; counters never fall."""
    load = Load(processes.write_port)
    first, counters = processes.pids(), processes.counters()
    fallen: list[object] = []

    async with load.running(CLIENTS, NEWCOMERS):
        for done in range(ROUNDS):
            processes.signal(signal.SIGHUP)
            await replaced(processes, done + 1)
            await load.more(200)
            later = await asyncio.to_thread(processes.counters)
            fallen += [name for name, value in counters.items() if later.get(name, -1) < value]
            counters = later

    assert load.failures == []
    assert fallen == []
    assert not set(first) & set(processes.pids())
    assert len(processes.pids()) == 2
    assert set(load.answers) == {1, 2}
    assert len(processes.events("process replaced")) == 2 * ROUNDS
    assert processes.answered() > 0.9 * load.answers.total()


async def test_others_go_on_when_a_process_is_killed(processes: Processes) -> None:
    """It is started again, named until then, nobody new waits for it, and what it had counted stays."""
    load = Load(processes.write_port)
    async with load.running([], NEWCOMERS):
        await load.more(500)
    assert load.failures == []
    before = processes.answered()
    wait_for(lambda: processes.answered() == load.answers.total(), "all is counted")
    (processes.faults / "die-2").touch()

    os.kill(processes.pid_of(2), signal.SIGKILL)
    trouble = "process 2: restarting, exited with"
    degraded = wait_for(
        lambda: said(processes, f"{trouble} -9 (1 in a row)") or said(processes, f"{trouble} 3"), "told"
    )
    wait_for(lambda: len(processes.events("process died")) >= 4, "it dies again and again", PATIENCE_S)
    others = Load(processes.write_port)
    async with others.running([], NEWCOMERS):
        await others.more(300)
    health, up = processes.page("/health"), processes.counters()
    (processes.faults / "die-2").unlink()
    wait_for(lambda: processes.page("/ready")[1]["degraded"] == [], "all are back", PATIENCE_S)

    assert degraded
    assert others.failures == []
    assert set(others.answers) == {1}
    assert (health[0], health[1]["status"]) == (200, "degraded")
    assert health[1]["services"]["processes"]["message"].startswith(trouble)
    assert sum(value for name, value in up.items() if name[0] == "parley_http_requests_total") >= before
    assert processes.answered() == load.answers.total() + others.answers.total()
    died = processes.events("process died")
    assert [(line["process"], line["exit_code"]) for line in died[:2]] == [(2, -9), (2, 3)]
    assert [line["in_a_row"] for line in died] == list(range(1, len(died) + 1))
    assert processes.counters()["parley_process_restarts_total", "process=2"] == len(died)


def said(processes: Processes, words: str) -> bool:
    """Tell whether the parent is ready in spite of something."""
    status, page = processes.page("/ready")
    return status == 200 and page["ready"] and any(sentence.startswith(words) for sentence in page["degraded"])


async def test_newcomers_are_answered_when_a_process_hangs(processes: Processes) -> None:
    """It is named as giving no answer, and is not given more to do."""
    hung = processes.pid_of(1)
    halt(hung)
    try:
        wait_for(lambda: said(processes, "process 1: no answer"), "named", PATIENCE_S)
        wait_for(
            lambda: [2] in [event["processes"] for event in processes.events("new connections steered")][-1:],
            "passed over",
            PATIENCE_S,
        )
        load = Load(processes.write_port)
        async with load.running([], NEWCOMERS):
            await load.more(200)
    finally:
        os.kill(hung, signal.SIGCONT)

    assert load.failures == []
    assert set(load.answers) == {2}
    wait_for(lambda: processes.page("/ready")[1]["degraded"] == [], "it is back", PATIENCE_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_clients_are_answered_when_all_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    """What was sent is answered, idle connections are closed, and nothing is left behind."""
    processes = Processes(tmp_path)
    with processes, ExitStack() as stack:
        address = ("127.0.0.1", processes.write_port)
        clients = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(20)]
        for client in clients[:10]:
            client.sendall(request("/slow"))
        connections = ("parley_http_connections",)
        wait_for(
            lambda: processes.samples("gauge")[connections] > len(clients) + 1, "all are let in, and the two probes"
        )
        pids = processes.pids()

        code = processes.stop(number)

        answers = [client.makefile("rb").read() for client in clients]
    assert code == 0, processes.log_text()
    assert all(answer.startswith(b"HTTP/1.1 201 ") and b"Connection: close" in answer for answer in answers[:10])
    assert answers[10:] == [b""] * 10
    assert not any(is_running(pid) for pid in pids)
    assert list(processes.temporary.iterdir()) == []
    assert "Traceback" not in processes.log_text()


def test_processes_end_when_their_parent_is_killed(processes: Processes) -> None:
    """None goes on with a port that nobody watches."""
    pids = processes.pids()
    assert len(pids) == 2
    assert processes.parent is not None

    processes.parent.kill()
    processes.parent.wait()

    wait_for(lambda: not any(is_running(pid) for pid in pids), "both have ended", PATIENCE_S)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", processes.write_port), 5)


def test_old_processes_stay_when_their_successors_do_not_start(processes: Processes) -> None:
    """The round ends at the first, and says so."""
    before = processes.pids()
    (processes.faults / "die-1").touch()

    processes.signal(signal.SIGHUP)
    wait_for(lambda: processes.events("processes not replaced"), "the round is given up", PATIENCE_S)

    line = processes.events("processes not replaced")[0]
    assert (line["process"], line["error"]) == (1, "it exited with 3")
    assert processes.page("/ready") == (200, {"ready": True, "reasons": [], "degraded": []})
    assert processes.pids() == before


def test_balancer_is_told_when_no_process_can_work(processes: Processes) -> None:
    """One of them unable is a drawback, both are a reason."""
    (processes.faults / "unready-2").touch()
    one = processes.page("/ready")
    (processes.faults / "unready-1").touch()
    both = processes.page("/ready")

    assert one == (200, {"ready": True, "reasons": [], "degraded": ["process 2: told to be"]})
    assert both == (503, {"ready": False, "reasons": ["told to be"], "degraded": []})


def test_start_fails_once_when_the_first_process_does(tmp_path: Path) -> None:
    """The others are not even started, and the parent's own exit says it."""
    processes = Processes(tmp_path, 3)
    (processes.faults / "die-1").touch()

    code = processes.start().wait(PATIENCE_S)

    assert code == 1
    assert processes.log_text() == "the first process ended with 3 before it was ready\n"
    assert list(processes.temporary.iterdir()) == []


def test_second_parent_does_not_share_the_port_of_the_first(processes: Processes, tmp_path: Path) -> None:
    """Though the kernel would let it."""
    second = Processes(tmp_path / "second", env={"PARLEY_WRITE_BIND": f"127.0.0.1:{processes.write_port}"})

    code = second.start().wait(PATIENCE_S)

    assert code == 1
    assert second.log_text() == f"Cannot listen on 127.0.0.1:{processes.write_port}: Address already in use\n"
    assert list(second.temporary.iterdir()) == []


def test_systemd_is_told_how_the_processes_stand(tmp_path: Path) -> None:
    """Ready when all are, reloading while they are replaced, stopping at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        with Processes(tmp_path, env={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as processes:
            told = [systemd.recv(200)]
            assert [line["process"] for line in processes.events("process ready")] == [1, 2]
            processes.signal(signal.SIGHUP)
            told += [systemd.recv(200), systemd.recv(200)]
            processes.signal(signal.SIGTERM)
            told.append(systemd.recv(200))

    assert [message.partition(b"\n")[0] for message in told] == [b"READY=1", b"RELOADING=1", b"READY=1", b"STOPPING=1"]
    assert told[1].partition(b"\n")[2].startswith(b"MONOTONIC_USEC=")


@pytest.mark.parametrize("command", [("api",), ("write",), ("write", "--processes", "2"), ("work",)], ids=" ".join)
def test_operator_is_sent_to_serve_when_the_database_is_a_file(command: tuple[str, ...], tmp_path: Path) -> None:
    """One process owns the file, and nothing is made."""
    line = refusal(run_parley(*command, "--data-dir", tmp_path / "data"))

    assert "parley serve" in line
    assert "PARLEY_DATABASE_URL" in line
    assert not (tmp_path / "data").exists()
