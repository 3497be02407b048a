"""Asks whether what uv.lock pins has a known vulnerability: ``make audit``, the last step of ``make check``.

It ends with 0 when every pinned version was looked up and none has one, with 1 when one has. When the service cannot
be reached, or does not know a package, the last line begins with ``not audited``: that is no finding about the code, so
at a desk it ends with 0, and where ``CI`` is set with 2, unless ``PARLEY_AUDIT=optional`` says that this is accepted.
A whole audit is not repeated for a day as long as uv.lock stays the same, except where ``CI`` is set.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "uv.lock"
STAMP: Final = ROOT / ".venv" / ".parley-audited"
PATIENCE_S: Final = 60
FRESH_S: Final = 24 * 3_600
CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 2

Ask = Callable[[Sequence[str]], str]
"""Looks up pinned packages and gives the JSON that pip-audit writes; raises `MissedError` when that does not work."""


class MissedError(Exception):
    """The service was not reached, or said nothing that can be understood."""


class Report(NamedTuple):
    """What came of it: how many were looked up, a line for each vulnerability, and why it is not whole."""

    asked: int
    found: list[str]
    missed: str | None = None


def pinned(lock: Path) -> list[list[str]]:
    """Give all that the lock pins from an index, ``name==version``; a name is once in each list, the shortest first."""
    rounds: list[dict[str, str]] = []
    for package in tomllib.loads(lock.read_text("utf-8"))["package"]:
        if "registry" in package["source"]:
            free = next((each for each in rounds if package["name"] not in each), None)
            if free is None:
                free = {}
                rounds.append(free)
            free[package["name"]] = package["version"]
    return sorted(([f"{name}=={version}" for name, version in each.items()] for each in rounds), key=len)


def ask_pip_audit(pins: Sequence[str]) -> str:
    """Look them up where pip-audit does by default, without installing anything."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "5"]
        command = [sys.executable, "-m", "pip_audit", "--requirement", file.name, *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise MissedError(f"no answer within {PATIENCE_S} s") from None
    if not done.stdout.strip():
        raise MissedError((done.stderr.strip() or "pip-audit said nothing").splitlines()[-1][:300])
    return done.stdout


def look_up(rounds: Sequence[Sequence[str]], ask: Ask) -> Report:
    """Look all up; a package that the service skips is one that nobody audited."""
    asked, found = 0, list[str]()
    for pins in rounds:
        try:
            dependencies = json.loads(ask(pins))["dependencies"]
            skipped = [str(each["skip_reason"]) for each in dependencies if "skip_reason" in each]
            found += [line for each in dependencies for line in _vulnerabilities(each)]
            if skipped or len(dependencies) != len(pins):
                reason = skipped[0] if skipped else "some were left out of the answer"
                return Report(asked, found, f"{len(skipped) or 'some'} of {len(pins)} packages: {reason}")
        except MissedError as error:
            return Report(asked, found, str(error))
        except (ValueError, KeyError, TypeError) as error:
            return Report(asked, found, f"the answer cannot be read: {error!r}")
        asked += len(pins)
    return Report(asked, found)


def _vulnerabilities(dependency: Mapping[str, object]) -> Iterator[str]:
    known = dependency.get("vulns", [])
    assert isinstance(known, list)
    for each in known:
        mended = ", ".join(each["fix_versions"]) or "no version yet"
        yield f"{dependency['name']} {dependency['version']}: {each['id']}, mended in {mended}"


def judge(report: Report, environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """Give the exit code and what to print."""
    if report.found:
        return VULNERABLE, [*report.found, f"{len(report.found)} known vulnerabilities in what uv.lock pins"]
    if report.missed is None:
        return CLEAN, [f"audited: no known vulnerability in {report.asked} pinned packages"]
    must = bool(environment.get("CI")) and environment.get("PARLEY_AUDIT") != "optional"
    how = "set PARLEY_AUDIT=optional to accept that here" if must else "run `make audit` where the service is reached"
    return NOT_AUDITED if must else CLEAN, [f"not audited: {report.missed}; {how}"]


def main() -> int:
    """Audit, unless that was done of the same lock within a day."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    is_fresh = STAMP.exists() and time.time() - STAMP.stat().st_mtime < FRESH_S
    if is_fresh and STAMP.read_text("ascii") == digest and not os.environ.get("CI"):
        print("audited: within a day, and uv.lock is the same")  # noqa: T201 - a command
        return CLEAN
    report = look_up(pinned(LOCK), ask_pip_audit)
    code, lines = judge(report, os.environ)
    print("\n".join(lines), file=sys.stderr if code or report.missed else sys.stdout)
    if code == CLEAN and report.missed is None and STAMP.parent.exists():
        STAMP.write_text(digest, "ascii")
    return code


if __name__ == "__main__":
    sys.exit(main())
