"""``parley verify``: judges what was recorded from outside."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter, validators

from parley.cli.progress import Meter
from parley.cli.verdicts import show
from parley.telemetry.clock import SystemClock
from parley.verify.verdict import Verdict
from parley.verify.verdict import verify as verify_history

verify = App(
    name="verify",
    help="Check a recorded history against what Parley promises. Example: parley verify history ./recording",
    help_format="plaintext",
)

_SHOWN: Final = 20
_MEGABYTE: Final = 10**6
_COUNTED: Final = {"bytes": "MB read", "passes": "passes of the checks"}
_EXIT: Final = {"valid": 0, "invalid": 1, "unknown": 2}

Folder = Annotated[
    Path,
    Parameter(
        help="The recording: manifest.json and *.jsonl.",
        validator=validators.Path(exists=True, file_okay=False, dir_okay=True),
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON object instead, for programs.")]
All = Annotated[bool, Parameter(name="--all", negative="", help="Print every finding and every fault, not only 20.")]


@verify.command
def history(folder: Folder, /, *, everything: All = False, as_json: Json = False) -> int:
    """Check that nothing was lost, doubled, reordered or shown to the wrong reader.

    Example: parley verify history ./recording
    Example: parley verify history ./recording --all --json

    A recording is one line of JSON for each thing that a client asked and was
    answered, and a manifest with what may be expected; docs/verify.md tells the form.
    Only the folder is read: no server, no database.

    The exit status is 0 for valid, 1 for invalid (a promise was broken), and 2 for
    unknown (the recording proves too little, or cannot be read), as for wrong usage.
    """
    verdict = _verify(folder)
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode(verdict).decode()}\n")
    else:
        show(verdict, limit=None if everything else _SHOWN)
    return _EXIT[verdict.state]


def _verify(folder: Path) -> Verdict:
    """Show on stderr how far the reading is, and then the checks."""
    clock = SystemClock().monotonic
    meters: dict[str, Meter] = {}
    with ExitStack() as shown:

        def tell(what: str, done: int, total: int) -> None:
            if what not in meters:
                shown.close()
                meters[what] = shown.enter_context(Meter(_COUNTED[what], None, clock))
            size = _MEGABYTE if what == "bytes" else 1
            meters[what].show(done // size, done // size, total=total // size)

        return verify_history(folder, tell)
