"""The runbook has an entry for whatever may wake somebody: found in the source, so that none is forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml  # type: ignore[import-untyped]

from parley.telemetry.metrics import Metrics
from parley.workers.lives import Finding

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "parley"
RUNBOOK = ROOT / "docs" / "runbook.md"
PROMETHEUS = ROOT / "deploy" / "prometheus"

ALERTS, REASONS, DETAILS, EVENTS = "Alerts", "Reasons of /ready", "Details", "Log events"
GUIDES = ("A database older than its log", "Differences", "Differences that nothing repairs")
"""Sections that lead somebody through more than one look."""

FIELDS = ("First", "Wait?", "Gone when")

LEVELS = {"warning": 0, "error": 0, "exception": 0, "critical": 0, "log": 1}
"""Methods of a logger that say what somebody may have to see, and which argument is the event."""

LOGGER = re.compile(r"get_?logger\(", re.IGNORECASE)

REASONS_IN = {
    "bootstrap/reporting.py": ("Report",),
    "bootstrap/working.py": ("failing",),
    "cli/processes/admin.py": ("ready", "_troubles"),
    "cli/processes/merged_probes.py": ("merge_ready",),
    "cli/processes/slot.py": ("trouble",),
    "http/health.py": ("_Look",),
    "ingest/admission.py": ("refusals",),
}
"""Where sentences of /ready are made, by module and the classes or functions in it."""

DEPENDENCIES = {"database: …", "log: …", "search: …", "workers: …"}

NO_REASONS = {
    "/ready", "/health", "ready", "reasons", "degraded", "healthy", "unhealthy", "relaxed",
    "persist-…", "probe-…", "probe failed", "log_unavailable",
}  # fmt: skip
"""Strings of those places that are names, and never said on /ready."""

DETAILS_IN = ("database", "log", "search", "storage")
"""Folders whose errors stand behind the colon of a dependency or a worker."""

OF_COMMANDS = {"snapshot", "archive", "copying"}
"""Modules in them that only commands use, which print their errors."""

FOREIGN_METRICS = {"up", "probe_success", "probe_failed_due_to_regex"}
"""Prometheus' own, and those of the blackbox exporter."""


class Entry(NamedTuple):
    """One entry of the runbook: its heading, what it is about, and its text."""

    title: str
    codes: list[str]
    text: str


def slug(title: str) -> str:
    """Give the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def sections(text: str) -> dict[str, str]:
    """Give the text below each heading of the second level."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entries(section: str) -> list[Entry]:
    """Give the entries of a section."""
    parts = re.split(r"^### (.+)\n", section, flags=re.MULTILINE)
    found = []
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        first, _, rest = text.strip().partition("\n")
        found.append(Entry(title, re.findall(r"`([^`]+)`", first), rest.strip()))
    return found


def faults(entry: Entry) -> list[str]:
    """Say what an entry lacks: what it is about, its meaning, or one of its three answers."""
    missing = [] if entry.codes else ["what it is about"]
    missing += ["its meaning"] if not entry.text or entry.text.startswith("- ") else []
    answers = dict(re.findall(r"^- \*\*(.+?)\*\* (.+)$", entry.text, flags=re.MULTILINE))
    missing += [field for field in FIELDS if field not in answers]
    return missing + ([] if "`" in answers.get("First", "`") else ["a command"])


def text_of(node: ast.expr) -> str | None:
    """Give a literal's text, with ``…`` for what is filled in; ``None`` for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None


def texts(node: ast.AST) -> Iterator[str]:
    """Give every text below a node but docstrings; what is filled into another is a part of that one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        text = text_of(child) if isinstance(child, ast.expr) else None
        if text is None:
            yield from texts(child)
        elif re.search("[a-z]", text):
            yield text


def called(node: ast.Call) -> tuple[str, str]:
    """Split what is called into what stands before the last dot, and the name behind it."""
    owner, _, name = ast.unparse(node.func).rpartition(".")
    return owner, name


def events(module: ast.Module) -> list[str]:
    """Give the events that a module logs as warnings or errors; one that is no plain string as its source."""
    made = [node for node in ast.walk(module) if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    logs = {ast.unparse(node.targets[0]) for node in made if LOGGER.search(ast.unparse(node.value))}
    calls = [(node, *called(node)) for node in ast.walk(module) if isinstance(node, ast.Call)]
    said = [node.args[LEVELS[name]] for node, owner, name in calls if owner in logs and name in LEVELS]
    return [str(each.value) if isinstance(each, ast.Constant) else ast.unparse(each) for each in said]


def reasons(module: ast.Module, names: tuple[str, ...]) -> list[str]:
    """Give the texts of a module's classes and functions of these names; a name that is gone is a failure."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name: node for node in ast.walk(module) if isinstance(node, kinds)}
    return [text for name in names for text in texts(found[name]) if text not in NO_REASONS]


def details(module: ast.Module) -> list[str]:
    """Give what a module says of things that are away."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and node.args]
    said = [text_of(node.args[0]) for node in calls if called(node)[1].lower().endswith("unavailableerror")]
    said += [text_of(node.args[0]) for node in calls if called(node)[1] == "_unavailable"]
    return [text for text in said if text is not None]


def is_told(text: str, codes: list[str]) -> bool:
    """Tell whether a code of the runbook has a text, whatever is filled in."""
    pattern = ".+".join(re.escape(part) for part in text.split("…"))
    return any(re.search(pattern, code) for code in codes)


def parse(path: Path) -> ast.Module:
    """Parse a module of the source."""
    return ast.parse(path.read_text("utf-8"))


def codes_of(section: str) -> list[str]:
    """Give what the entries of the runbook's section are about."""
    return [code for entry in entries(sections(RUNBOOK.read_text("utf-8"))[section]) for code in entry.codes]


def alerts() -> list[dict[str, Any]]:
    """Give the alerts."""
    groups = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metrics_in(expression: str) -> set[str]:
    """Give the names of the metrics that an expression reads."""
    bare = re.sub(r'"[^"]*"|\b(by|on|without|ignoring) \([^)]*\)|\[\w+\]|\boffset \w+', "", expression)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    return set(re.findall(r"\b[a-z_]+\b(?! ?\()", bare)) - {"and", "or", "unless", "sum", "count", "max", "on", "e"}


def catalogue() -> set[str]:
    """Give every metric that Parley exposes: the catalogue's and the parent's own."""
    own = [text for text in texts(parse(SOURCE / "cli" / "processes" / "admin.py")) if text.startswith("parley_")]
    return {family.name for family in Metrics().families} | set(own)


def test_each_entry_says_what_it_means_and_what_to_do() -> None:
    """Meaning, first command, whether it may wait, and when it is gone: an entry without one of them is none."""
    sample = "### Disk full\n`disk full`\n\nNo room.\n\n- **First** look\n- **Wait?** No.\n"
    runbook = sections(RUNBOOK.read_text("utf-8"))

    assert faults(entries(sample)[0]) == ["Gone when", "a command"]

    found = {entry.title: faults(entry) for name in (ALERTS, REASONS, EVENTS) for entry in entries(runbook[name])}
    assert not {title: missing for title, missing in found.items() if missing}


def test_the_contents_list_each_entry_once() -> None:
    """Whoever is paged finds the entry from the top; each has an anchor of its own, and every link leads to one."""
    text = RUNBOOK.read_text("utf-8")
    runbook = sections(text)
    titles = [
        title
        for name in (ALERTS, REASONS, DETAILS, EVENTS)
        for title in (name, *(entry.title for entry in entries(runbook[name])))
    ] + list(GUIDES)
    anchors = {slug(title) for title in [*runbook, *titles]}

    listed = re.findall(r"^ *- \[(.+?)\]\(#(.+?)\)$", runbook["Contents"], flags=re.MULTILINE)

    assert listed == [(title, slug(title)) for title in titles]
    assert len({slug(title) for title in titles}) == len(titles)
    assert set(re.findall(r"\]\(#(.+?)\)", text)) <= anchors


def test_each_warning_and_error_has_an_entry() -> None:
    """An event that is logged as a warning or an error is found in the runbook by its words, and no other is."""
    sample = ast.parse(
        "import structlog\nlog = structlog.get_logger()\nlog.info('fine')\nlog.warning('odd', a=1)\n"
        "log.log(30, 'worse')\nlog.error(f'bad {x}')\nfuture.exception()"
    )
    logged = {event for path in sorted(SOURCE.rglob("*.py")) for event in events(parse(path))}

    assert events(sample) == ["odd", "worse", "f'bad {x}'"]
    assert logged == set(codes_of(EVENTS))


def test_each_reason_of_ready_has_an_entry() -> None:
    """Whatever the named places of the source may say on /ready is in the runbook, whatever is filled in."""
    sample = ast.parse("def trouble():\n    '''Say it.'''\n    return ['away', f'exited with {code}', ', ', 'ready']")
    said = {text for path, names in REASONS_IN.items() for text in reasons(parse(SOURCE / path), names)}
    codes = codes_of(REASONS)

    assert reasons(sample, ("trouble",)) == ["away", "exited with …"]
    assert is_told("exited with …", ["process …: exited with … (… in a row)"])
    assert not is_told("exited with …", ["process …: starting"])
    assert {"stopping", "nobody stores partition …", "exited with …"} <= said

    assert not [text for text in sorted(said) if not is_told(text, codes)]
    assert set(codes) >= DEPENDENCIES
    assert not [code for code in codes if code not in DEPENDENCIES and not any(is_told(text, [code]) for text in said)]


def test_each_detail_of_what_is_away_is_explained() -> None:
    """The sentence behind the colon is in the table with what to do, as each sentence of an adapter's error is."""
    sample = ast.parse("raise UnavailableError('gone', code=1)\nraise _unavailable(f'{x} left')\nraise OSError('no')")
    paths = [
        path for name in DETAILS_IN for path in sorted((SOURCE / name).rglob("*.py")) if path.stem not in OF_COMMANDS
    ]
    said = {text for path in paths for text in details(parse(path))}

    assert details(sample) == ["gone", "… left"]

    table = re.findall(
        r"^\| `(.+?)` \| .+ \| .+ \|$", sections(RUNBOOK.read_text("utf-8"))[DETAILS], flags=re.MULTILINE
    )
    assert said == set(table)


def test_each_alert_has_an_entry_that_it_points_to() -> None:
    """The annotation leads to the alert's own entry, which tells its severity as the alert has it."""
    section = sections(RUNBOOK.read_text("utf-8"))[ALERTS]
    told = re.findall(r"^### (\w+)\n\n`(\w+)` · (page|ticket)$", section, flags=re.MULTILINE)

    wanted = [(alert["alert"], alert["alert"], alert["labels"]["severity"]) for alert in alerts()]
    links = {alert["alert"]: alert["annotations"]["runbook"] for alert in alerts()}

    assert sorted(told) == sorted(wanted)
    assert links == {name: f"docs/runbook.md#{slug(name)}" for name in links}
    assert all({"for", "expr"} <= alert.keys() and alert["annotations"]["summary"] for alert in alerts())


def test_each_alert_reads_metrics_that_exist() -> None:
    """A metric that was renamed would make its alert silent for ever."""
    sample = 'sum by (port) (rate(parley_a{route!~"b"}[5m])) > 1e10 or max(parley_c) == 1 unless parley_d offset 10m'
    read = {name for alert in alerts() for name in metrics_in(alert["expr"])}

    assert metrics_in(sample) == {"parley_a", "parley_c", "parley_d"}

    assert not read - catalogue() - FOREIGN_METRICS


def test_the_probes_look_for_what_ready_says() -> None:
    """What the blackbox exporter looks for in the body is what the source says there."""
    modules = yaml.safe_load((PROMETHEUS / "blackbox.yaml").read_text("utf-8"))["modules"]
    looked_for = {name: module["http"].get("fail_if_body_matches_regexp", [""])[0] for name, module in modules.items()}
    said = reasons(parse(SOURCE / "bootstrap" / "reporting.py"), ("Report",))

    assert any(looked_for["parley_durability"] == text for text in said)
    assert re.search(looked_for["parley_log"], '{"reasons":["log: The log is away"]}')
    assert re.search(looked_for["parley_log"], '{"degraded":["stopping","processes 1, 2: log: No answer within 2 s"]}')
    assert not re.search(looked_for["parley_log"], '{"degraded":["workers: persist-0: The log is away: gone"]}')


def test_each_end_of_a_log_s_life_is_explained() -> None:
    """Whatever a lease-holder may find is told by name where the line about it is looked up."""
    told = [
        entry.text for entry in entries(sections(RUNBOOK.read_text("utf-8"))[EVENTS]) if "log life" in entry.codes[0]
    ]

    names = {name for text in told for name in re.findall(r"`(\w+)`", text)}

    assert {finding.value for finding in Finding} - {"served"} <= names
