"""A real OpenSearch of one node, from jars that Maven fetches once a machine."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.request import urlopen

from tests.support.engines.process import HOST, Engine, PortTakenError, program
from tests.support.missing import lacking

VERSION = "2.19.1.0"
POM = Path(__file__).with_name("opensearch.pom.xml")

_RUNNER = "org.codelibs.opensearch.runner.OpenSearchRunner"
_BOUND = re.compile(r"HttpServerTransport.*publish_address \{127\.0\.0\.1:(\d+)\}")
_SETTINGS = f"""\
discovery.type: single-node
http.host: {HOST}
transport.host: {HOST}
cluster.routing.allocation.disk.threshold_enabled: false
"""
"""Two servers on one machine never join, and a full disk does not make an index read-only."""


class OpenSearchServer(Engine):
    """One OpenSearch node on a loopback port, without security, with a small heap."""

    name: ClassVar[str] = "opensearch"
    ports: ClassVar[range] = range(9201, 9300)
    """All that the runner knows."""
    port_taken: ClassVar[str] = "closed all nodes"
    """All that the runner says when it ends, whatever the reason."""
    start_timeout_s: ClassVar[float] = 120.0

    def __init__(self, folder: Path, *, heap_mb: int = 512, options: Sequence[str] = ()) -> None:
        """Take a folder, the size of the heap in MiB, and options of the Java machine."""
        super().__init__(folder, options)
        self._heap_mb = heap_mb

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> None:
        """Fetch the jars, unless an earlier run did, and write the node's settings."""
        self._jars = fetched_jars()
        config = self.folder / "node_1" / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "opensearch.yml").write_text(_SETTINGS)

    def command(self) -> list[str]:
        """Give the command; the runner adds one to the port that it is given."""
        return [
            program("java", "openjdk-17-jre-headless"), f"-Xms{self._heap_mb}m", f"-Xmx{self._heap_mb}m",
            "-XX:+UseSerialGC", *self.options, "-cp", f"{self._jars}/*", _RUNNER, "-basePath", str(self.folder),
            "-numOfNode", "1", "-baseHttpPort", str(self.port - 1), "-clusterName", "parley", "-useLogger",
        ]  # fmt: skip

    def is_ready(self) -> bool:
        """Tell whether this process answers and can search every index that it has.

        Raises:
            PortTakenError: the runner moved on to another port.
        """
        bound = _BOUND.search(self._this_life())
        if bound is None:
            return False
        if int(bound[1]) != self.port:
            raise PortTakenError(f"OpenSearch should have got port {self.port} and got {bound[1]}")
        try:
            health = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=1s"
            with urlopen(health, timeout=5) as answer:  # noqa: S310 - a loopback address
                return bool(answer.status == 200)
        except OSError:
            return False


def fetched_jars() -> Path:
    """Give the folder of the jars under the user's cache, fetched at the first call on a machine."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parley-tests"
    cache.mkdir(parents=True, exist_ok=True)
    jars = cache / f"opensearch-{VERSION}"
    with (cache / "opensearch.lock").open("w") as lock:  # test processes that start together fetch once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.exists():
            _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    """Fetch beside the folder and rename: what is there is complete."""
    partial = Path(tempfile.mkdtemp(prefix="fetching-", dir=jars.parent))
    command = [
        program("mvn", "maven"), "-q", "-B", "-f", str(POM), f"-Dopensearch.version={VERSION}",
        "dependency:copy-dependencies", f"-DoutputDirectory={partial}",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            lacking(f"OpenSearch's jars could not be fetched:\n{done.stdout.decode('utf-8', 'replace')[-2000:]}")
        partial.rename(jars)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
