"""All broken builds, by name."""

from __future__ import annotations

from typing import Final

from tests.faults.builds import embedded, server
from tests.faults.builds.build import Build

BUILDS: Final[dict[str, Build]] = {build.name: build for build in (*embedded.BUILDS, *server.BUILDS)}
