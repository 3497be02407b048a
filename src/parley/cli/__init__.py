"""The command line: one lazily imported module a command, and one place that prints errors."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError

from parley.domain.errors import ParleyError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "serve": ("parley.cli.serve:serve", "Run the full API and the write service in one process."),
    "api": ("parley.cli.api:api", "Run the full API in a process of its own."),
    "write": ("parley.cli.write:write", "Run the write service apart, in one process or several on one address."),
    "work": ("parley.cli.work:work", "Run workers apart: persist, index, erase, reconcile."),
    "migrate": ("parley.cli.migrate:migrate", "Bring the database to this version's schema."),
    "doctor": ("parley.cli.doctor:doctor", "Look at configuration, files, disk and ports, and say what to do."),
    "status": ("parley.cli.status:status", "Show epoch, lease, position, lag and depth of every partition."),
    "backup": ("parley.cli.backup:backup", "Copy the database into a folder, while everything goes on."),
    "restore": ("parley.cli.restore:restore", "Make a database of a backup, in which no number is given again."),
    "check": ("parley.cli.check:check", "Compare numbers, counts, changes and index with the rows."),
    "reindex": ("parley.cli.reindex:reindex", "Make the search index anew while the present one is searched."),
    "reconcile": ("parley.cli.reconcile:reconcile", "Compare counts and search index with the rows, and mend them."),
    "dead-letters": (
        "parley.cli.dead_letters:dead_letters",
        "Look at events that could not be stored; replay, discard.",
    ),
    "rebuild-sequences": ("parley.cli.rebuild_sequences:rebuild_sequences", "Begin a new epoch of the log by hand."),
    "config": ("parley.cli.config:config", "Print every setting, its value and where it comes from."),
    "import": ("parley.cli.import_:import_", "Send a JSONL file to a deployment, each record once."),
    "export": ("parley.cli.export:export", "Write an application's messages as JSONL."),
    "bench": ("parley.cli.bench:bench", "Measure a deployment: its ceiling, its latencies, and that it kept all."),
    "verify": ("parley.cli.verify:verify", "Check a recorded history against what Parley promises."),
    "apps": ("parley.cli.apps:apps", "Create and list applications."),
}
"""Import path and sentence by name; a command's module is imported when that command is called."""

_INTERRUPTED = 130
_BROKEN_PIPE = 141


def build_app(chosen: str | None = None) -> App:
    """Register all commands; ``chosen`` shows its own docstring as help, the others their sentence."""
    app = App(
        name="parley",
        help="Parley, a self-hosted chat backend. Example: parley serve --data-dir ./data",
        help_format="plaintext",
        version=_version,
        suppress_keyboard_interrupt=False,
    )
    for name, (path, sentence) in COMMANDS.items():
        app.command(path, name=name, help=None if name == chosen else sentence)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 1 for an error, 2 for wrong usage, 130 for Ctrl-C."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _call(tokens)
    except CycloptsError as error:
        _complain(f"{' '.join(str(error).split())} Try: parley {tokens[0]} --help" if tokens else str(error))
        return 2
    except ParleyError as error:
        _complain(error.detail)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return _BROKEN_PIPE
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error))
        return 1


def _call(tokens: list[str]) -> int:
    chosen = tokens[0] if tokens else None
    if chosen is not None and chosen not in {*COMMANDS, "--help", "-h", "--version"}:
        _complain(f"there is no command {chosen!r}; the commands are {', '.join(COMMANDS)}")
        return 2
    result = build_app(chosen)(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    return result if isinstance(result, int) else 0


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - costs 30 ms that other commands need not pay

    return version("parley")


def _complain(text: str) -> None:
    sys.stderr.write(f"parley: {text}\n")


def _silence_stdout() -> None:
    """Keep the interpreter's last flush from meeting the broken pipe again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
