"""What a process took for large answers does not stay with it: seen in a process of its own, by its resident bytes."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LAST_OF_MANY = """
import sys
from pathlib import Path
from parley.cli.processes.memory import give_back_large_blocks

if sys.argv[1] == "given back":
    give_back_large_blocks()

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

before = resident_mb()
first = bytes(1 << 20)
del first  # from here on the C library would have such blocks in its heap
blocks = [b"x" * (1 << 20) for _ in range(64)]
del blocks[:-1]
print(resident_mb() - before)
"""


@pytest.mark.parametrize(("how", "low_mb", "high_mb"), [("given back", 0, 16), ("as it was", 48, 80)])
def test_large_blocks_go_back_though_a_later_one_stays(how: str, low_mb: int, high_mb: int) -> None:
    """Keep the last of 64 MB: it stands at the heap's end where the C library has its way."""
    done = subprocess.run([sys.executable, "-c", _LAST_OF_MANY, how], check=True, capture_output=True, text=True)

    assert low_mb <= int(done.stdout) <= high_mb
