"""Chats and hostile strings in the form of the shared test data, for machines that have not got it.

As many records in as many rooms, with blank bodies and several scripts; and every needle in exactly as many bodies as
it is in those of the real set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

ROOMS: Final = 226
RECORDS: Final = {"gitter-rooms": 26_625, "ubuntu-irc": 11_638}
STRINGS: Final = 515

_BEGAN = datetime(2015, 4, 4, 16, 31, tzinfo=UTC)
_EMPTY = 5
_TALK = (
    "the of a needle lamp Köln Straße STRASSE 100 C++ <b> \U0001f363 \U0001f37a 世界 针 мир Игла "
    "e\u0301t\u00e9 \u0130zmir iğne שלום ไทย नमस्ते ... ;-) (x) #1 @you /me"
)
_HOSTILE = (
    "\u202e \ufeff \x7f \x1b[31m ' \" \\ %s {{7*7}} <script> ../.. -- ; \0 null NaN 1e999 \U0001f469\u200d\U0001f469 "
    "\u0338 ﷺ $(id) `id` 0x0 True 田中 Ω %00 %n &amp; | * ?"
)


def make_data(folder: Path, needles: Mapping[str, Mapping[str, int]]) -> None:
    """Write every set below the folder."""
    for name, counts in needles.items():
        (folder / name).mkdir()
        lines = _records(name, _bodies(Random(name), RECORDS[name], counts))
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (folder / name / "messages.jsonl").write_text(text, "utf-8")
    (folder / "naughty-strings").mkdir()
    rng = Random(STRINGS)
    strings = [
        "".join(rng.choices([*_HOSTILE.split(), " ", "\u2028", "\r\n", "\t"], k=rng.randint(0, 12)))
        for _ in range(STRINGS)
    ]
    (folder / "naughty-strings" / "blns.json").write_text(json.dumps(strings), "utf-8")


def _bodies(rng: Random, count: int, needles: Mapping[str, int]) -> list[str]:
    """Give bodies, each with one needle or none."""
    planted = [needle for needle, times in needles.items() for _ in range(times)]
    planted += [""] * (count - len(planted) - _EMPTY)
    bodies = []
    for needle in planted:
        words = rng.choices(_TALK.split(), k=rng.randint(1, 25))
        words.insert(rng.randrange(len(words) + 1), rng.choice((needle, needle.upper(), f"({needle})")))
        bodies.append(" ".join(words).strip())
    bodies += [""] * _EMPTY
    rng.shuffle(bodies)
    return bodies


def _records(name: str, bodies: list[str]) -> Iterator[dict[str, Any]]:
    """Give records in the order in which they were sent."""
    rng = Random(name)
    for index, body in enumerate(bodies):
        at = _BEGAN + timedelta(seconds=index * 7)
        sender = f"user-{rng.randrange(300)}"
        if name == "gitter-rooms":
            room, sent_at = f"room/{rng.randrange(ROOMS)}", at.isoformat(timespec="milliseconds")
            more: dict[str, Any] = {"source_id": f"{index:024x}"}
        else:
            room, sent_at = "#ubuntu", at.replace(second=0).isoformat()
            more = {"kind": rng.choice(("message", "action")), "log": "2004-11-15_03", "line": index}
        sent_at = sent_at.replace("+00:00", "Z")
        yield {"channel": room, "sender": sender, "sent_at": sent_at, "body": body, **more}
