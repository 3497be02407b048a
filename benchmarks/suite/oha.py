"""oha: an open loop for requests that differ by their address alone. It cannot give each a key of its own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.suite.cell import VoidError
from benchmarks.suite.cpu import Spent, metered
from benchmarks.suite.sample import PERMILLES, Sample
from benchmarks.suite.target import Target
from benchmarks.suite.wrk import CONNECTIONS

OHA: Final = Path(__file__).parents[2] / ".bench" / "tools" / "bin" / "oha"


def run_oha(rate: float, seconds: int, to: Target, paths: Sequence[str], body: bytes | None) -> Sample:
    """Offer ``rate`` requests a second, each to one of the paths; latencies count from when a request was due.

    The number of requests is given instead of the time, so that none is cut off and every answer is counted.

    Raises:
        VoidError: oha is not installed, or could not run.
    """
    if not OHA.exists():
        raise VoidError("oha is not installed: scripts/bench-tools.sh")
    sent = [] if body is None else ["-m", "POST", "-T", "application/json", "-d", body.decode()]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{to.url}{path}\n" for path in paths))
        file.flush()
        command = [
            str(OHA), "--no-tui", "--output-format", "json", "-n", str(int(rate * seconds)), "-q", str(int(rate)),
            "--latency-correction", "-c", str(CONNECTIONS), *sent, "--urls-from-file", file.name,
        ]  # fmt: skip
        with metered(to.processes) as spent:
            done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise VoidError(f"oha ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    return parse_oha(done.stdout, rate, spent)


def parse_oha(text: bytes, rate: float, spent: Spent) -> Sample:
    """Read its JSON."""
    told: dict[str, Any] = msgspec.json.decode(text)
    by_status: dict[str, int] = told["statusCodeDistribution"]
    answered = sum(by_status.values())
    good = sum(count for status, count in by_status.items() if status.startswith("2"))
    failed = sum(told["errorDistribution"].values())
    if not good:
        raise VoidError(f"oha had no good answer: {by_status}, {told['errorDistribution']}")
    latency = {name: told["latencyPercentiles"][name] * 1000 for name in PERMILLES}
    return Sample(
        answered=answered, errors=answered - good + failed, seconds=told["summary"]["total"], spent=spent,
        latency_ms={**latency, "max": told["summary"]["slowest"] * 1000}, offered=rate,
    )  # fmt: skip
