"""No secret in the repository: nothing in a tracked file is shaped like a key, and no number looks drawn by lot."""

from __future__ import annotations

import itertools
import math
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.missing import lacking
from tests.unit.log.test_entries import WRITTEN

ROOT = Path(__file__).parents[2]
NOT_READ = ("uv.lock", "benchmarks/peers/go/go.sum", "tests/schemas/0")
"""Digests of packages, and the tokens and hashes of databases that nobody runs."""

SHAPES = {
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY",
    "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub": r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{40,}",
    "GitLab": r"\bglpat-[\w-]{20,}",
    "Slack": r"\bxox[abposr]-[\w-]{10,}|hooks\.slack\.com/services/T\w+",
    "Google": r"\bAIza[\w-]{35}\b",
    "Stripe": r"\b[rs]k_live_\w{16,}",
    "a package index": r"\bpypi-AgE[\w-]{50,}|\bnpm_\w{36}\b",
    "a language model": r"\bsk-(?:ant-|proj-)?[\w-]{32,}",
    "a JSON web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a password in a URL": r"[a-z]://[^\s:/@\"'`{}$<>]+:(?!(?:p|pass|password|secret|\*+|\.\.\.|…)@)[^\s/@\"'`{}$<>*%]{8,}@[a-z]",
}
DRAWN = re.compile(r"(?<![\w/+-])(?:[0-9a-fA-F]{32,64}|[A-Za-z0-9_-]{40,128})(?![\w/+-])")
"""Long enough for a key; a word with a path around it is none."""

MADE_UP = {
    "0af7651916cd43dd8448eb211c80319c": "the example of the W3C's Trace Context",
    "9507c8c259295fdb86608d5da72d64df": "the token in the documentation's samples",
    "0424fdcec794933c0909e9e72f6de1a4": "the token that the benchmarks' peers know",
}
"""Numbers drawn by lot that open nothing, and why they are there."""


def tracked() -> list[Path]:
    """List what the repository holds."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        lacking("needs git and a checkout")
    done = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [
        ROOT / name
        for name in done.stdout.split("\0")
        if name and not name.startswith(NOT_READ) and (ROOT / name).is_file()
    ]


def looks_drawn(text: str) -> bool:
    """Tell a key from a word: many digits, and no pattern in them. Names and sequences repeat or rise."""
    digits = sum(character.isdigit() for character in text)
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
    steps = Counter(ord(after) - ord(before) for before, after in itertools.pairwise(text))
    is_hex = bool(re.fullmatch("[0-9a-fA-F]+", text)) and not text.isdigit()
    rises = steps.most_common(1)[0][1] > len(text) / 2
    is_made_up = text in MADE_UP or text in WRITTEN.hex()
    return not rises and not is_made_up and (entropy > 3.2 if is_hex else digits >= 5 and entropy > 4.2)


def secrets_in(text: str) -> Iterator[str]:
    """Give what looks like one."""
    for kind, shape in SHAPES.items():
        yield from (f"{kind}: {found[0][:12]}…" for found in re.finditer(shape, text))
    yield from (f"drawn by lot: {found[0][:12]}…" for found in DRAWN.finditer(text) if looks_drawn(found[0]))


PLANTED = [
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "16C7e42F292c6912E7" * 2,
    "xoxb-" + "123456789012-abcdefABCDEF",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N",
    "mysql://root:" + "hunter2hunter2@db.example/x",
    "token = 'f3a91c07b5e84d2296" + "0cde71aa83f45b'",
    "KEY=wJalrXUtnFEMI-K7MDENG-" + "bPxRfiCYEX4MPLEK3Y99",
]


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_secret_is_seen(planted: str) -> None:
    """Each shape, and numbers of no shape at all."""
    assert list(secrets_in(f'x = "{planted}"\n'))


@pytest.mark.parametrize(
    "text", ["0123456789abcdef" * 2, "0" * 40, "feedface" * 4, "test_a_client_creates_an_application_twice_at_once"]
)
def test_what_is_made_up_is_let_by(text: str) -> None:
    """Sequences, repetitions and names open nothing."""
    assert not list(secrets_in(f'x = "{text}"'))


def test_the_repository_holds_no_secret() -> None:
    """In no tracked file; one that is made up gets a reason in the table above."""
    paths = tracked()

    found = [
        f"{path.relative_to(ROOT)}: {secret}"
        for path in paths
        for secret in secrets_in(path.read_text("utf-8", "replace"))
    ]

    assert len(paths) > 300
    assert not found, found


def test_every_exception_is_still_there() -> None:
    """A number that is gone needs no reason."""
    text = "".join(path.read_text("utf-8", "replace") for path in tracked() if path != Path(__file__))

    assert [number for number in MADE_UP if number not in text] == []
