"""The command line of a suite of cells."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from fnmatch import fnmatch
from typing import TypeVar

T = TypeVar("T")


def command_parser(name: str, doc: str | None, commands: Mapping[str, str], example: str) -> argparse.ArgumentParser:
    """Make a parser of ``command`` and ``--only PATTERN``, which tells what each command does."""
    told = "\n".join(f"  {command:10}{sentence}" for command, sentence in commands.items())
    parser = argparse.ArgumentParser(
        name, description=f"{doc}\n\n{told}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=commands)
    parser.add_argument("--only", default="*", metavar="PATTERN", help=f"only those whose name fits, as {example}")
    return parser


def fitting(named: Mapping[str, T], pattern: str) -> list[T]:
    """Give those whose name fits a pattern, in their order; exit if none does, for nothing would pass as all good."""
    found = [it for name, it in named.items() if fnmatch(name, pattern)]
    if not found:
        raise SystemExit(f"--only {pattern}: no name fits. There are: {', '.join(named)}")
    return found
