"""The next release of Parley, made for a test: this code with one more migration in each dialect.

release = NextRelease(tmp_path / "next")
run_parley("migrate", env=release.env)
"""

from __future__ import annotations

import shutil
from pathlib import Path

import parley
from parley.storage.sqlite import migrations

_HERE = Path(__file__).parent
NEWEST = migrations()[-1].version
"""The schema of this code; both dialects have the same."""
NAME = "wider"


class NextRelease:
    """A copy of the package; ``env`` has commands run it in place of this code.

    What it adds are columns, an index, a table and values in rows, as a release that expands does. With ``oldest_code``
    above `NEWEST` it says that this code no longer runs on it, as one that contracts does.
    """

    def __init__(self, folder: Path, *, oldest_code: int = 1) -> None:
        """Make it in a folder that is not there yet."""
        package = folder / "parley"
        shutil.copytree(Path(parley.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
        for dialect in ("mysql", "sqlite"):
            target = package / "storage" / "sql" / dialect / "migrations" / f"{NEWEST + 1:04}_{NAME}.sql"
            target.write_text(next_migration(dialect, oldest_code), "utf-8")
        self.env = {"PYTHONPATH": str(folder)}


def next_migration(dialect: str, oldest_code: int = 1) -> str:
    """Give the text of its migration."""
    return (_HERE / f"{dialect}.sql").read_text("utf-8").replace("{oldest}", str(oldest_code))
