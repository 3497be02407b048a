"""The files of deploy/ are used as they are, ports and certificates apart: a sample that rots fails here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.config import Settings
from parley.http.problems import problem
from parley.telemetry.metrics import Metrics
from tests.support.missing import lacking
from tests.support.proxies import DEPLOY, HOST, Caddy, Echo, Nginx, Proxy
from tests.support.server import Server
from tests.support.tenant import APPLICATIONS, Tenant

GUIDE = DEPLOY.parent / "docs" / "production.md"
UNIT = DEPLOY / "systemd" / "parley.service"
CHAT = "/api/v1/applications/0123456789abcdef0123456789abcdef/chats/7"
CREATES = [
    CHAT.removesuffix("/7"),
    f"{CHAT}/messages",
    f"{CHAT}/messages/bulk",
    f"{CHAT.replace('applications', 'chat_applications')}/messages",
]
JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1024 * 1024


def tool(name: str) -> str:
    """Find a program of the system, which a laptop may lack and a build server may not."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        lacking(f"{name} is missing: `make system` installs it")
    return found


def complaints(unit: str, folder: Path) -> str:
    """Let systemd read a unit, its program replaced by one that exists everywhere; give what it says."""
    path = folder / "parley.service"
    path.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit, flags=re.MULTILINE))
    command = [tool("systemd-analyze"), "verify", "--man=no", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")


@pytest.fixture(scope="module")
def echo_api() -> Iterator[Echo]:
    """Give a server in the place of the full API that answers what it was asked."""
    with Echo("api") as echo:
        yield echo


@pytest.fixture(scope="module")
def echo_write() -> Iterator[Echo]:
    """Give a server in the place of the write service that answers what it was asked."""
    with Echo("write") as echo:
        yield echo


@pytest.fixture(scope="module", params=[Nginx, Caddy], ids=lambda kind: kind.program)
def proxy(
    request: pytest.FixtureRequest, echo_api: Echo, echo_write: Echo, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """Give each proxy, running with the sample in front of both services."""
    kind: type[Proxy] = request.param
    tool("openssl")
    with kind(tool(kind.program), tmp_path_factory.mktemp("proxy"), echo_api.port, echo_write.port) as ready:
        yield ready


def test_the_unit_is_valid(tmp_path: Path) -> None:
    """Systemd has nothing to say about the unit, and says so when an option is misspelt."""
    unit = UNIT.read_text("utf-8")

    assert "TimeoutStopSex" in complaints(unit.replace("TimeoutStopSec", "TimeoutStopSex"), tmp_path)
    assert complaints(unit, tmp_path) == ""


def test_the_unit_waits_longer_than_a_drain_takes() -> None:
    """Systemd kills only a Parley that outlived its own limit."""
    found = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)

    assert found is not None
    assert int(found[1]) >= Settings().drain_timeout_s + 5


@pytest.mark.parametrize("path", CREATES)
def test_a_proxy_gives_creates_to_the_write_service(proxy: Proxy, path: str) -> None:
    """A POST to a create route goes to the write port, with its path, host, key and body untouched."""
    answer = proxy.request("POST", f"{path}?a=%2F", b'{"body": "hello"}', {"Idempotency-Key": "k"})

    assert answer.status == 200
    assert answer.json() | {"service": "write", "path": f"{path}?a=%2F", "host": HOST, "key": "k"} == answer.json()
    assert answer.json()["bytes"] == len(b'{"body": "hello"}')


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{CHAT}/messages"),
        ("GET", f"{CHAT}/messages/search?q=a%2Fb"),
        ("PATCH", f"{CHAT}/messages/1"),
        ("DELETE", CHAT),
        ("POST", "/api/v1/applications"),
        ("POST", f"{CHAT}/messages/1"),
        ("GET", "/health"),
        ("GET", "/docs"),
    ],
)
def test_a_proxy_gives_everything_else_to_the_full_api(proxy: Proxy, method: str, path: str) -> None:
    """What the write service does not have goes to the full API."""
    answer = proxy.request(method, path)

    assert answer.status == 200
    assert (answer.json()["service"], answer.json()["path"]) == ("api", path)


@pytest.mark.parametrize("path", ["/metrics", "/%6detrics"])
def test_a_proxy_keeps_the_metrics_inside(proxy: Proxy, path: str) -> None:
    """Metrics are for the machine's own Prometheus."""
    assert proxy.request("GET", path).status == 404


def test_a_proxy_passes_the_request_id(proxy: Proxy) -> None:
    """One id finds a request in the client's log and in Parley's."""
    answer = proxy.request("GET", "/health", headers={"X-Request-Id": "from-client.1"})

    assert answer.json()["request_id"] == "from-client.1"


def test_a_proxy_takes_a_body_of_a_mebibyte_and_refuses_a_larger_one(proxy: Proxy) -> None:
    """The body limit is Parley's own."""
    fits = proxy.request("POST", f"{CHAT}/messages", b"x" * MEBIBYTE)
    above = proxy.request("POST", f"{CHAT}/messages", b"x" * (MEBIBYTE + 1), {"X-Request-Id": "above"})

    assert (fits.status, fits.json()["bytes"]) == (200, MEBIBYTE)
    assert above.status == 413
    assert above.json() == json.loads(problem(413, "body_too_large", above.json()["detail"], "above"))


def test_a_proxy_takes_headers_of_15_kib_and_refuses_40(proxy: Proxy) -> None:
    """The header limit is Parley's own, give or take what the proxy's parser adds."""
    fits = proxy.request("GET", "/health", headers={f"X-{n}": "x" * 5000 for n in range(3)})
    above = proxy.request("GET", "/health", headers={f"X-{n}": "x" * 5000 for n in range(8)})

    assert fits.status == 200
    assert above.status in {400, 431}


def test_a_proxy_answers_504_when_parley_is_away(proxy: Proxy, echo_api: Echo) -> None:
    """A client of a lost upstream learns that the outcome is unknown, and what to do."""
    echo_api.pause()

    answer = proxy.request("POST", "/api/v1/applications", headers={"X-Request-Id": "away"})
    echo_api.resume()

    assert answer.status == 504
    assert answer.json() == json.loads(problem(504, "outcome_unknown", answer.json()["detail"], "away"))


@pytest.mark.parametrize("kind", [Nginx, Caddy], ids=lambda kind: kind.program)
def test_a_client_speaks_to_parley_through_a_proxy(
    kind: type[Proxy], server: Server, application: Tenant, tmp_path: Path
) -> None:
    """A tenant creates and reads through the proxy; making applications stays closed to a public name."""
    chats = f"{APPLICATIONS}/{application.token}/chats"
    with kind(tool(kind.program), tmp_path, server.api_port, server.write_port) as proxy:
        refused = proxy.request("POST", APPLICATIONS, b'{"name": "stranger"}', JSON)
        chat = proxy.request("POST", chats)
        message = proxy.request("POST", f"{chats}/1/messages", b'{"body": "hello"}', JSON)
        page = proxy.request("GET", f"{chats}/1/messages")

    assert (refused.status, refused.json()["code"]) == (403, "host_not_allowed")
    assert (chat.status, message.status) == (201, 201)
    assert [each["body"] for each in page.json()] == ["hello"]


def test_commands_look_where_the_unit_has_its_data(tmp_path: Path) -> None:
    """What the guide writes into the settings file names the unit's own folder, for whoever reads it into a shell."""
    found = re.search(r"^\(umask 077; .+?^\)$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    command = found[0].replace("/etc/parley", str(tmp_path)).replace("openssl rand", f"{tool('openssl')} rand")
    subprocess.run(["/bin/sh", "-c", f"{command}\n"], check=True)
    data_dir, token = (tmp_path / "parley.env").read_text("utf-8").splitlines()

    unit = re.search(r"^Environment=(PARLEY_DATA_DIR=\S+)", UNIT.read_text("utf-8"), re.MULTILINE)
    assert unit is not None
    assert data_dir == unit[1].replace("%S", "/var/lib")
    assert re.fullmatch("PARLEY_ADMIN_TOKEN=[0-9a-f]{64}", token)
    assert (tmp_path / "parley.env").stat().st_mode & 0o777 == 0o600


def test_cron_makes_a_backup_and_keeps_seven(tmp_path: Path) -> None:
    """With cron's own PATH; a backup that fails never costs the newest six."""
    found = re.search(r"^15 3 \* \* \* parley (.+)$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    line = found[1].replace("\\%", "%").replace("/var/backups/parley", str(tmp_path))
    days = [f"202611{day:02}T031500Z" for day in range(1, 10)]
    for day in [*days, "monday"]:
        (tmp_path / day).mkdir()

    def run(parley: str) -> list[str]:
        command = line.replace("/usr/local/bin/parley backup", parley).replace("--data-dir /var/lib/parley", "")
        subprocess.run(["/bin/sh", "-c", command], check=False, env={"PATH": "/usr/bin:/bin"})
        return sorted(path.name for path in tmp_path.iterdir())

    assert "/usr/local/bin/parley backup" in line
    assert run("false") == run("false") == [*days[-6:], "monday"]
    *kept, new, named = run("mkdir")
    assert (kept, named) == (days[-6:], "monday")
    assert re.fullmatch(r"\d{8}T\d{6}Z", new)


def test_the_guide_names_metrics_and_settings_that_exist() -> None:
    """An alert on a metric that was renamed would never fire."""
    guide = GUIDE.read_text("utf-8")
    metrics = {family.name for family in Metrics().families}
    settings = {f"PARLEY_{name.upper()}" for name in Settings.model_fields}

    assert set(re.findall(r"\bparley_[a-z_]+", guide)) <= metrics
    assert set(re.findall(r"\bPARLEY_[A-Z_]+", guide)) <= settings
