"""Makes the databases of this code's schema: ``python -m tests.schemas``, once the schema is released."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.schemas.making import make_mysql, make_sqlite
from tests.schemas.recorded import file_of
from tests.support.engines import Engines
from tests.support.next_release import NEWEST


def main() -> int:
    """Make them in a temporary folder, and say which files were written."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        engines = Engines(folder / "engines")
        try:
            make_sqlite(folder / "embedded")
            make_mysql(folder / "fleet", engines)
        finally:
            engines.stop()
    for dialect in ("sqlite", "mysql"):
        for kind in ("sql", "json"):
            file = file_of(NEWEST, dialect, kind)
            sys.stdout.write(f"{file}: {file.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
