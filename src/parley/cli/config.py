"""``parley config``: every setting, its value, and where that comes from."""

from __future__ import annotations

import sys
from typing import Annotated, NamedTuple

import msgspec
from cyclopts import Parameter

from parley.cli.settings import EVERY, Flags, report_unknown_variables, takes_flags
from parley.cli.tables import print_table
from parley.config import default_text, flag_of, load_settings, mask, origin_of, sentence_of, variable_of
from parley.telemetry.metrics import Metrics

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]
ShowMetrics = Annotated[
    bool, Parameter(name="--metrics", negative="", help="Print the catalogue of metrics instead, as docs/metrics.md.")
]
Markdown = Annotated[
    bool, Parameter(name="--markdown", negative="", help="Print names and defaults, as docs/configuration.md.")
]


class Explained(NamedTuple):
    """One setting; secrets and passwords in URLs are masked."""

    name: str
    variable: str
    flag: str
    value: str
    origin: str
    """``flag``, ``environment``, ``file`` or ``default``."""
    default: str
    sentence: str


@takes_flags(*EVERY)
def config(flags: Flags, *, as_json: Json = False, metrics: ShowMetrics = False, markdown: Markdown = False) -> None:
    """Print every setting, its value and where it comes from: a flag, the environment, a file or the default.

    Example: parley config --data-dir /srv/parley
    """
    if metrics or markdown:
        sys.stdout.write(metrics_markdown() if metrics else settings_markdown())
        return
    report_unknown_variables()
    explained = explain_settings(flags)
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode([setting._asdict() for setting in explained]).decode()}\n")
        return
    print_table(
        ("setting", "value", "from", "what it says"),
        [(setting.variable, setting.value, setting.origin, setting.sentence) for setting in explained],
    )


def explain_settings(flags: Flags) -> list[Explained]:
    """Give every setting with its value and where that came from, in the order of `Settings`."""
    settings = load_settings(flags)
    return [
        Explained(
            name=name,
            variable=variable_of(name),
            flag=flag_of(name),
            value=mask(getattr(settings, name)),
            origin=origin_of(name, flags),
            default=default_text(name),
            sentence=sentence_of(name),
        )
        for name in EVERY
    ]


def settings_markdown() -> str:
    """Write the table of docs/configuration.md."""
    lines = ["| Variable | Flag | Default | What it says |", "|---|---|---|---|"]
    for name in EVERY:
        default = f"`{default_text(name)}`" if default_text(name) else ""
        lines.append(f"| `{variable_of(name)}` | `{flag_of(name)}` | {default} | {sentence_of(name)} |")
    return "\n".join(lines) + "\n"


def metrics_markdown() -> str:
    """Write the table of docs/metrics.md."""
    lines = ["| Metric | Kind | Labels | What it says |", "|---|---|---|---|"]
    for family in Metrics().families:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{family.name}` | {family.kind} | {labels} | {family.sentence} |")
    return "\n".join(lines) + "\n"
