"""``parley bench`` against the real server, as a process: what it says, what it leaves, what it refuses."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.commands import refusal, run_parley
from tests.support.polling import wait_for
from tests.support.relay import Relay, make_certificate
from tests.support.replay import walk
from tests.support.server import Server, free_ports, parley_command

SMALL = ("--connections", "8", "--chats", "4", "--json")
APPLICATIONS = "/api/v1/applications"
SEEDS = 100


def leftovers(api: Client) -> list[str]:
    """Give the paths of the applications that a run made."""
    found = walk(api, APPLICATIONS)
    return [f"{APPLICATIONS}/{each['token']}" for each in found if each["name"].startswith("parley bench ")]


@contextmanager
def running(server: Server, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a run and give it, with its application, once it has stored messages; a run left over is killed."""
    heeding = ["env", "--default-signal=HUP"]  # whoever started the tests with nohup has not started the run so
    command = [*heeding, *parley_command(), "bench", "--url", server.api_url, *SMALL, *arguments]
    bench = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with Client(server.api_url) as api:
            path = wait_for(lambda: leftovers(api), "an application", timeout_s=30)[0]
            wait_for(lambda: api.get(f"{path}/chats/1/messages/5").status == 200, "messages", timeout_s=30)
        yield bench, path
    finally:
        bench.kill()
        bench.wait()


def ended(bench: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """Wait for the end of a run that must have failed; give its report and what it said beside."""
    output, said = bench.communicate(timeout=120)
    assert bench.returncode == 1, said
    assert "Traceback" not in said
    return json.loads(output), said


def errors(report: dict[str, Any]) -> set[str]:
    """Give the reasons of all errors."""
    return {why for loop in report["loops"] for each in loop["operations"] for why in each["errors"]}


def test_report_agrees_with_itself_and_nothing_is_left(server: Server, api: Client) -> None:
    """Creates on the write service, reads on the API; each acknowledged message is counted, then all is deleted."""
    mixed = ("--reads", "50", "--keys", "50", "--rate", "100", "--seconds", "2")
    done = run_parley("bench", "--url", server.api_url, "--write-url", server.write_url, *SMALL, *mixed)

    assert done.returncode == 0, done
    report = json.loads(done.stdout)
    closed, steady = report["loops"]
    by_name = {each["operation"]: each for each in steady["operations"]}
    creates = sum(each["answered"] for loop in report["loops"] for each in loop["operations"][:1])
    assert [each["operation"] for each in closed["operations"]] == list(by_name) == ["create", "read", "page"]
    assert (report["settings"]["write_url"], report["settings"]["rate"]) == (server.write_url, 100)
    assert (closed["loop"], closed["offered_per_s"], closed["histogram"]) == ("closed", None, [])
    assert all(each["latency_ms"] is None for each in closed["operations"])
    assert (steady["loop"], steady["offered_per_s"], steady["answered"]) == ("open", 100, 200)
    assert [by_name[name]["answered"] for name in by_name] == [100, 50, 50]
    for each in by_name.values():
        times = each["latency_ms"]
        assert 0 < times["p50"] <= times["p95"] <= times["p99"] <= times["p99_9"] <= times["max"]
    assert sum(bar["count"] for bar in steady["histogram"]) == 200
    assert report["messages"] == {
        "acknowledged": creates + 4 * SEEDS,
        "unsettled": 0,
        "counted": creates + 4 * SEEDS,
        "complete": True,
        "findings": [],
    }
    assert (errors(report), report["cleaned_up"], report["ok"]) == (set(), True, True)
    assert leftovers(api) == []


def test_table_and_histogram_are_for_people(server: Server) -> None:
    """Rates, latencies, the generator's share, and the verdict."""
    done = run_parley("bench", "--url", server.api_url, "--seconds", "1", "--chats", "2", "--connections", "4")

    assert done.returncode == 0, done
    for words in (
        "closed",
        "open, ",
        "p99.9",
        "█",
        "% of one core",
        "every acknowledged message is there",
    ):
        assert words in done.stdout
    assert "closed loop over 4 connections" in done.stderr


@pytest.mark.parametrize("stroke", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_run_deletes_its_application(stroke: signal.Signals, server: Server, api: Client) -> None:
    """In the middle of the load."""
    with running(server, "--seconds", "120") as (bench, path):
        bench.send_signal(stroke)
        said = bench.communicate(timeout=30)[1]

    assert bench.returncode == 130
    assert "Traceback" not in said
    assert api.get(path).status == 404
    assert leftovers(api) == []


def test_errors_are_counted_by_status(server: Server, api: Client) -> None:
    """Here the application is deleted under the load: 404 from then on, and no second loop's figure is made up."""
    with running(server, "--seconds", "4") as (bench, path):
        assert api.request("DELETE", path).status == 204
        report, _ = ended(bench)

    assert errors(report) == {"404"}
    assert (report["ok"], report["cleaned_up"], report["messages"]["complete"]) == (False, True, False)


def test_missing_message_is_named(server: Server, api: Client) -> None:
    """Somebody else deletes one; to the run it is an acknowledged message that is not there."""
    with running(server, "--seconds", "2") as (bench, path):
        assert api.request("DELETE", f"{path}/chats/3/messages/5").status == 204
        report, _ = ended(bench)

    messages = report["messages"]
    assert (messages["complete"], messages["acknowledged"] - messages["counted"]) == (False, 1)
    assert len(messages["findings"]) == 1
    assert messages["findings"][0].startswith("chat 3: it counts ")
    assert messages["findings"][0].endswith(" were acknowledged; missing: 5")
    assert errors(report) == set()
    assert leftovers(api) == []


def test_crash_under_load_costs_answers_and_no_acknowledged_message(tmp_path: Path) -> None:
    """The run goes on with the restarted server, counts what was lost on the way, and finds the rest."""
    with Server(tmp_path) as server, running(server, "--seconds", "8") as (bench, _):
        server.restart()
        report, _ = ended(bench)
        with Client(server.api_url) as api:
            assert leftovers(api) == []

    assert errors(report)
    assert errors(report) <= {"connection lost", "no connection", "503", "504"}
    assert report["messages"]["complete"], report["messages"]["findings"]
    assert (report["ok"], report["cleaned_up"]) == (False, True)


def test_run_that_cannot_clean_up_says_how(tmp_path: Path) -> None:
    """The server is gone for good: what was measured is told, and the command that deletes the rest."""
    with Server(tmp_path) as server, running(server, "--seconds", "2", "--rate", "50") as (bench, path):
        server.kill()
        report, said = ended(bench)

    assert f"delete it with: curl -X DELETE {server.api_url}{path}\n" in said
    assert (report["cleaned_up"], report["ok"]) == (False, False)
    assert report["loops"][0]["answered"] > 0
    assert report["messages"]["findings"][0].startswith("it could not be looked at: cannot reach ")


def test_server_that_is_not_there_is_named(server: Server, api: Client) -> None:
    """In one line; with the write service away nothing is left on the other."""
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"

    no_api = run_parley("bench", "--url", nowhere)
    no_write = run_parley("bench", "--url", server.api_url, "--write-url", nowhere, *SMALL)

    assert refusal(no_api).startswith(f"parley: cannot reach {nowhere}")
    assert refusal(no_write).startswith(f"parley: cannot reach {nowhere}")
    assert (no_api.returncode, no_write.returncode) == (1, 1)
    assert leftovers(api) == []


def test_wrong_admin_token_is_refused(tmp_path: Path) -> None:
    """Before any load; the right one is taken from the environment, and shown nowhere."""
    with Server(tmp_path, env={"PARLEY_ADMIN_TOKEN": "the-right-admin-token"}) as server:
        command = ("bench", "--url", server.api_url, *SMALL, "--seconds", "1")
        wrong = run_parley(*command, "--admin-token", "a-wrong-admin-token")
        right = run_parley(*command, env={"PARLEY_ADMIN_TOKEN": "the-right-admin-token"})

    assert "admin token" in refusal(wrong)
    assert right.returncode == 0, right
    assert "the-right-admin-token" not in right.stdout + right.stderr


async def test_tls_is_spoken_and_checked(tmp_path: Path, server: Server) -> None:
    """Requests of the load too; a certificate that nobody vouches for is no deployment."""
    certificate = make_certificate(tmp_path)
    async with Relay(server.api_port, certificate).open() as port:
        command = ("bench", "--url", f"https://127.0.0.1:{port}", *SMALL, "--seconds", "1", "--reads", "50")
        trusted = await asyncio.to_thread(run_parley, *command, env={"SSL_CERT_FILE": str(certificate.file)})
        unknown = await asyncio.to_thread(run_parley, *command)

    assert trusted.returncode == 0, trusted
    assert json.loads(trusted.stdout)["messages"]["complete"]
    assert "certificate verify failed" in refusal(unknown)


@pytest.mark.parametrize("where", ["--url", "--write-url"])
def test_other_machine_is_not_loaded_unasked(where: str) -> None:
    """192.0.2.1 is nobody's; it is refused before anything is sent there."""
    done = run_parley("bench", where, "http://192.0.2.1:3000", timeout_s=15)

    assert refusal(done) == "parley: nobody can be asked here: say --yes to do it"


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--seconds", "301"),
        ("--connections", "501"),
        ("--rate", "0"),
        ("--reads", "101"),
        ("--keys", "-1"),
        ("--size", "65536"),
        ("--chats", "0"),
    ],
)
def test_absurd_values_are_refused(flag: str, value: str) -> None:
    """As wrong usage, before anything is sent."""
    done = run_parley("bench", f"{flag}={value}")

    assert (done.returncode, flag in refusal(done)) == (2, True)
