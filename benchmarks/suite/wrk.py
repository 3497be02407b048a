"""wrk: a closed loop, for ceilings. It stops sending while a server stalls, so its percentiles are not used."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.suite.cell import VoidError
from benchmarks.suite.cpu import metered
from benchmarks.suite.sample import Sample
from benchmarks.suite.target import Target

CONNECTIONS: Final = 64
SCRIPTS: Final = Path(__file__).with_name("lua")
_FAILED: Final = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


class Told(NamedTuple):
    """What wrk printed."""

    requests: int
    seconds: float
    errors: int
    """Answers that are not 2xx or 3xx, and connections that failed."""


def run_wrk(to: Target, seconds: int, script: str, *arguments: str, units: int = 1) -> Sample:
    """Load a service with one thread.

    Raises:
        VoidError: wrk is not installed, or could not run.
    """
    if shutil.which("wrk") is None:
        raise VoidError("wrk is not installed: apt-get install wrk")
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", str(SCRIPTS / script)]
    with metered(to.processes) as spent:
        done = subprocess.run(["wrk", *options, to.url, "--", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise VoidError(f"wrk ended with {done.returncode}: {done.stderr or done.stdout}")
    told = parse_wrk(done.stdout)
    return Sample(answered=told.requests, errors=told.errors, seconds=told.seconds, spent=spent, units=units)


def parse_wrk(text: str) -> Told:
    """Read what it prints.

    Raises:
        VoidError: there is no count, or no answer came.
    """
    counted = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    if counted is None or counted[1] == "0":
        raise VoidError(f"wrk had no answer: {text}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = _FAILED.search(text)
    errors = int(refused[1] if refused else 0) + sum(map(int, failed.groups() if failed else ()))
    return Told(int(counted[1]), float(counted[2]) * {"ms": 0.001, "s": 1, "m": 60}[counted[3]], errors)
