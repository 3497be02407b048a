"""The alerts and probes of deploy/prometheus in the programs that read them: a file that rots fails here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.missing import lacking
from tests.support.polling import wait_for
from tests.support.server import free_ports

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"

READY = (200, '{"ready":true,"reasons":[],"degraded":["search: The index is 3.0 s behind"]}')
LOG_CLOSED = (
    503,
    '{"ready":false,"reasons":["log: The log of partition 3 is not open: does a persist worker run?"],"degraded":[]}',
)
RELAXED = (200, '{"ready":true,"reasons":[],"degraded":["writes are answered before they are synced"]}')


def tool(name: str) -> str:
    """Find a program of the system, which a laptop may lack and a build server may not."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        lacking(f"{name} is missing: `make system` installs it")
    return found


def promtool(folder: Path, *command: str) -> tuple[int, str]:
    """Let promtool judge a file of a folder; give its exit code and what it says."""
    done = subprocess.run([tool("promtool"), *command], cwd=folder, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@contextmanager
def answering(status: int, body: str) -> Iterator[int]:
    """Serve one answer to every GET; give the port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def blackbox() -> Iterator[str]:
    """Give the address of a blackbox exporter that runs with the sample."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    command = [tool("prometheus-blackbox-exporter"), f"--config.file={FOLDER / 'blackbox.yaml'}"]
    with subprocess.Popen([*command, f"--web.listen-address={address}", "--log.level=error"]) as process:
        try:
            wait_for(lambda: is_up(address), "the blackbox exporter answers", timeout_s=30)
            yield address
        finally:
            process.terminate()


def is_up(address: str) -> bool:
    """Tell whether the exporter answers."""
    try:
        with urllib.request.urlopen(f"http://{address}/-/healthy", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def probe(blackbox: str, module: str, port: int) -> dict[str, float]:
    """Give the metrics of one probe, by name."""
    target = f"http://127.0.0.1:{port}/ready"
    with urllib.request.urlopen(f"http://{blackbox}/probe?module={module}&target={target}", timeout=10) as answer:
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^(probe_\w+) (\S+)$", text, flags=re.MULTILINE)}


def test_prometheus_takes_the_rules_and_the_sample_configuration(tmp_path: Path) -> None:
    """Promtool has nothing to say about either file, and says so when an expression is broken."""
    broken = (FOLDER / "alerts.yaml").read_text("utf-8").replace("== 0", "== ", 1)
    (tmp_path / "alerts.yaml").write_text(broken)

    rules, said_of_rules = promtool(FOLDER, "check", "rules", "alerts.yaml")
    config, said_of_config = promtool(FOLDER, "check", "config", "prometheus.yaml")
    refused, _ = promtool(tmp_path, "check", "rules", "alerts.yaml")

    assert rules == 0, said_of_rules
    assert config == 0, said_of_config
    assert refused != 0


def test_each_alert_fires_when_it_should_and_is_silent_otherwise(tmp_path: Path) -> None:
    """The rules' own tests pass, name every alert on both sides, and fail when a bound is moved."""
    alerts = re.findall(r"alert: (\w+)", (FOLDER / "alerts.yaml").read_text("utf-8"))
    cases = yaml.safe_load((FOLDER / "alerts.test.yaml").read_text("utf-8"))["tests"]
    silent = [case["alertname"] for case in cases[0]["alert_rule_test"]]
    firing = re.findall(r'alertname="(\w+)"', str(cases[2]["promql_expr_test"][0]["exp_samples"]))
    moved = (FOLDER / "alerts.yaml").read_text("utf-8").replace("parley_depth_messages) > 250000", "a) > 1")
    (tmp_path / "alerts.yaml").write_text(moved)
    shutil.copy(FOLDER / "alerts.test.yaml", tmp_path)

    code, said = promtool(FOLDER, "test", "rules", "alerts.test.yaml")
    code_when_moved, _ = promtool(tmp_path, "test", "rules", "alerts.test.yaml")

    assert code == 0, said
    assert sorted(silent) == sorted(firing) == sorted(alerts)
    assert code_when_moved != 0


@pytest.mark.parametrize(
    ("answer", "ready", "log", "durability"),
    [(READY, 1, 0, 0), (LOG_CLOSED, 0, 1, 0), (RELAXED, 1, 0, 1)],
    ids=["ready", "log-closed", "relaxed"],
)
def test_the_probes_tell_apart_what_ready_says(
    blackbox: str, answer: tuple[int, str], ready: int, log: int, durability: int
) -> None:
    """A blackbox exporter with the sample gives the metrics that the alerts read, with their meaning."""
    with answering(*answer) as port:
        seen_ready = probe(blackbox, "parley_ready", port)
        seen_log = probe(blackbox, "parley_log", port)
        seen_durability = probe(blackbox, "parley_durability", port)

    assert seen_ready["probe_success"] == ready
    assert seen_log["probe_failed_due_to_regex"] == log
    assert seen_durability["probe_failed_due_to_regex"] == durability
