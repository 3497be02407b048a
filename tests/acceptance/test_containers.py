"""What deploy/compose.yaml says, checked without an engine that could run it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cyclopts import CycloptsError

from parley.config import Settings, load_settings, refuse_files, refuse_public_bind, unknown_variables, variable_of
from parley.domain.binds import parse_bind
from parley.log import ADAPTERS as LOGS
from parley.opening import load_opener
from parley.search import ADAPTERS as INDEXES
from parley.storage import ADAPTERS as STORAGES
from tests.support.containers import (
    COMPOSE,
    SECRETS,
    Container,
    MissingVariableError,
    containers,
    document,
    interpolate,
    parse_command,
    resolved,
    seconds,
)
from tests.support.engines.process import program
from tests.support.engines.redis import RedisServer
from tests.support.server import Server, free_ports

OURS = ["api", "migrate", "work", "write"]
ENGINES = ["mariadb", "opensearch", "redis"]
LISTENS = {"api": "api_bind", "write": "admin_bind", "work": "admin_bind"}
"""Where each role answers probes: several write processes do so together."""
PUBLISHED = {"api": "api_bind", "write": "write_bind"}
URLS = {"database_url": STORAGES, "log_url": LOGS, "search_url": INDEXES}
PARENT_MARGIN_S = 5
"""What a parent waits for its processes beyond their drain."""

SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET|_KEY$", re.IGNORECASE)
DEMANDED = re.compile(r"\$\{\w+:\?[^}]+\}")
URL_PASSWORD = re.compile(r"://[^/\s]*:([^/\s]*)@")
RANDOM = re.compile(r"\b(?=\w*\d\w*\d\w*\d)(?=\w*[A-Za-z])\w{16,}\b")
DOLLAR_NAME = re.compile(r"\$\{(\w+)")


def service(name: str) -> dict[str, Any]:
    """Give one service as Compose sees it."""
    found: dict[str, Any] = resolved(SECRETS)["services"][name]
    return found


def leaves(node: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever YAML has
    """Give every text with the name of what it belongs to."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, str(key))
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value, name)
    elif node is not None:
        yield name, str(node)


def secrets_in(node: Any) -> list[str]:  # noqa: ANN401 - whatever YAML has
    """Find what looks like a secret that is written down instead of asked for."""
    found = []
    for name, text in leaves(node):
        asked = DEMANDED.sub("", text)
        named = SECRET_NAME.search(name) and asked
        in_url = any(not DEMANDED.fullmatch(password) for password in URL_PASSWORD.findall(text))
        if named or in_url or RANDOM.search(asked) or re.search(r"(?i)(pass\w*|token|secret)[= ]\S", asked):
            found.append(f"{name}: {text}")
    return found


def as_environment(monkeypatch: pytest.MonkeyPatch, container: Container) -> Settings:
    """Give the settings that the command of a container would load."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)
    for name, value in container.environment.items():
        monkeypatch.setenv(name, value)
    flags = dict(zip(container.command[2::2], container.command[3::2], strict=True))
    return load_settings({flag.removeprefix("--").replace("-", "_"): value for flag, value in flags.items()})


def probed(probe: list[str], old: int, port: int) -> int:
    """Run a probe against another port; give its exit code."""
    words = [word.replace(str(old), str(port)) for word in probe]
    assert words != probe
    command = [program(words[0], "a probe"), *words[1:]]
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode


def test_the_file_has_the_roles_and_their_engines() -> None:
    """Nothing is missing, and nothing else runs."""
    found = containers(SECRETS)

    assert sorted(found) == sorted(OURS + ENGINES)
    assert [name for name in sorted(found) if found[name].is_ours] == OURS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ${A}", "a 1"),
        ("${B:-2}:3", "2:3"),
        ("${E:-2}${E-2}", "2"),
        ("${A:?set it: now}", "1"),
        ("$$A", "$A"),
        ("${C}", ""),
    ],
)
def test_a_variable_is_resolved_as_compose_does(text: str, expected: str) -> None:
    """The forms that the file may use; ``E`` is set and empty."""
    assert interpolate(text, {"A": "1", "E": ""}) == expected


@pytest.mark.parametrize(("text", "error"), [("${B:?set it}", MissingVariableError), ("$A", ValueError)])
def test_a_variable_that_cannot_be_resolved_is_refused(text: str, error: type[Exception]) -> None:
    """One that is demanded and missing, and a dollar without braces."""
    with pytest.raises(error):
        interpolate(text, {"A": "1"})


@pytest.mark.parametrize("forgotten", SECRETS)
def test_compose_asks_for_each_secret(forgotten: str) -> None:
    """Nothing starts with a secret that somebody else knows."""
    with pytest.raises(MissingVariableError, match=f"{forgotten}: set it: openssl rand"):
        containers({name: value for name, value in SECRETS.items() if name != forgotten})


@pytest.mark.parametrize(
    "sample",
    [
        {"MARIADB_PASSWORD": "hunter2"},
        {"MARIADB_PASSWORD": "${MARIADB_PASSWORD:-hunter2}"},
        {"PARLEY_LOG_URL": "redis://:hunter2@redis:6379/0"},
        {"PARLEY_LOG_URL": "redis://:${A:-hunter2}@redis"},
        {"command": ["redis-server", "--requirepass hunter2"]},
        {"anything": "5f0c0d5d3f7b4b6f9a1e2b3c"},
    ],
)
def test_a_written_down_secret_is_seen(sample: dict[str, object]) -> None:
    """By its name, in a URL, in a command, or as a text that looks random."""
    assert secrets_in(sample)


def test_no_secret_is_in_the_file() -> None:
    """All of them are asked for."""
    assert not secrets_in(document())


def test_a_missing_variable_without_default_is_a_known_secret() -> None:
    """Whoever starts the containers learns of every variable: it is demanded, a setting, or has a default."""
    text = COMPOSE.read_text("utf-8")
    settings = {variable_of(name) for name in Settings.model_fields}

    optional = set(DOLLAR_NAME.findall(text)) - set(SECRETS) - settings

    assert optional == {"IMAGE", "PUBLISH_ADDRESS"}


@pytest.mark.parametrize("name", OURS + ENGINES)
def test_a_service_is_watched_or_ends_by_itself(name: str) -> None:
    """Each has a probe with time to start, and starts again when it ends; what runs once has neither."""
    found = service(name)

    if name == "migrate":
        assert found["restart"] == "no"
        assert "healthcheck" not in found
        return
    assert found["restart"] == "unless-stopped"
    check = found["healthcheck"]
    assert check["test"][0] == "CMD"
    assert seconds(check["start_period"]) >= 30
    assert seconds(check["timeout"]) <= seconds(check["interval"])


@pytest.mark.parametrize("name", OURS + ENGINES)
def test_a_service_is_confined(name: str) -> None:
    """No privilege, no rights to win, bounded memory and processes, logs that rotate."""
    found = service(name)

    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["mem_limit"]
    assert found["pids_limit"] > 0
    assert found["logging"] == {"driver": "local"}
    assert "privileged" not in found
    assert "container_name" not in found, "a fixed name forbids --scale"


@pytest.mark.parametrize("name", OURS)
def test_a_role_cannot_write_to_its_image(name: str) -> None:
    """It has a folder for sockets in memory, and no volume; stopping leaves it the time that it takes."""
    found = service(name)

    assert found["read_only"] is True
    assert [mount.split(":")[0] for mount in found["tmpfs"]] == ["/tmp"]  # noqa: S108 - the container's own
    assert "volumes" not in found
    assert seconds(found["stop_grace_period"]) > Settings().drain_timeout_s + PARENT_MARGIN_S


@pytest.mark.parametrize("name", OURS + ENGINES)
def test_an_image_has_a_version(name: str) -> None:
    """What starts tomorrow is what started today."""
    tag = service(name)["image"].rpartition(":")[2]

    assert re.match(r"\d+\.\d+", tag), tag


def test_an_engine_keeps_its_data_in_a_named_volume() -> None:
    """Nothing is lost with a container, and no folder of the machine is shared."""
    mounts = {name: service(name).get("volumes", []) for name in OURS + ENGINES}

    sources = {name: mount.split(":")[0] for name, mounted in mounts.items() for mount in mounted}

    assert sources == {name: name for name in ENGINES}
    assert sorted(resolved(SECRETS)["volumes"]) == ENGINES


def test_only_the_two_services_are_reached_from_outside() -> None:
    """On this machine alone unless an address is given; the engines' network has no way out."""
    ports = {name: service(name)["ports"] for name in OURS + ENGINES if "ports" in service(name)}
    outside = {name for name in OURS + ENGINES if "public" in service(name)["networks"]}

    assert ports == {"api": ["127.0.0.1:3000:3000"], "write": ["127.0.0.1:8080:8080"]}
    assert outside == set(ports)
    assert resolved(SECRETS)["networks"]["engines"] == {"internal": True}


@pytest.mark.parametrize("name", OURS)
def test_a_role_starts_after_what_it_needs(name: str) -> None:
    """Engines are healthy, and the schema is there, before anybody asks for them."""
    conditions = {other: after["condition"] for other, after in service(name)["depends_on"].items()}

    engines = set(ENGINES) - ({"opensearch"} if name == "write" else set())
    expected = dict.fromkeys(engines, "service_healthy") | {"migrate": "service_completed_successfully"}
    assert conditions == (expected if name != "migrate" else {"mariadb": "service_healthy"})


@pytest.mark.parametrize("name", OURS)
def test_a_role_has_a_command_that_exists(name: str) -> None:
    """The real command line reads it, flags and all, and would not read a misspelt one."""
    command = containers(SECRETS)[name].command

    parse_command(command)
    with pytest.raises(CycloptsError):
        parse_command([*command, "--processess", "2"])
    assert command[:2] == ["parley", name]


@pytest.mark.parametrize("name", OURS)
def test_a_role_has_settings_that_exist(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its environment loads without a word, may be bound to, and its URLs are servers that Parley speaks to."""
    container = containers(SECRETS)[name]

    settings = as_environment(monkeypatch, container)

    assert all(variable.startswith("PARLEY_") for variable in container.environment)
    assert unknown_variables() == []
    refuse_public_bind(settings, ["api_bind", "write_bind", "admin_bind"])
    refuse_files(settings, list(URLS))
    for setting, adapters in URLS.items():
        load_opener(getattr(settings, setting), adapters, variable_of(setting))
    assert {urlsplit(getattr(settings, setting)).hostname for setting in URLS} == set(ENGINES)


def test_the_database_of_the_roles_is_the_one_that_is_made() -> None:
    """Name, user and password are the same on both sides."""
    found = containers(SECRETS)
    made = found["mariadb"].environment

    url = urlsplit(found["api"].environment["PARLEY_DATABASE_URL"])

    assert (url.username, url.password) == (made["MARIADB_USER"], made["MARIADB_PASSWORD"])
    assert url.path == f"/{made['MARIADB_DATABASE']}"


@pytest.mark.parametrize("name", LISTENS)
def test_a_role_is_probed_where_it_answers(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The probe asks the port on which this role has its pages, and what is published is what it listens on."""
    container = containers(SECRETS)[name]
    settings = as_environment(monkeypatch, container)
    port = parse_bind(getattr(settings, LISTENS[name])).port

    assert container.probe is not None
    assert f'"127.0.0.1", {port}, ' in container.probe[-1]
    assert (settings.processes > 1) == (name == "write")
    if name in PUBLISHED:
        assert service(name)["ports"][0].endswith(f":{parse_bind(getattr(settings, PUBLISHED[name])).port}")


@pytest.mark.parametrize(("name", "port"), [("api", 3000), ("write", 8081), ("work", 8081)])
def test_a_probe_tells_ready_from_not(server: Server, name: str, port: int) -> None:
    """It ends with 0 at a running Parley, and with another code where nobody listens or the answer is not 200."""
    probe = containers(SECRETS)[name].probe
    assert probe is not None
    (nobody,) = free_ports(1)

    ready = probed(probe, port, server.api_port)
    away = probed(probe, port, nobody)
    refused = probed([word.replace("/ready", "/nowhere") for word in probe], port, server.api_port)

    assert ready == 0
    assert away != 0
    assert refused != 0


def test_redis_takes_its_command_and_is_probed(tmp_path: Path) -> None:
    """A real one starts with these settings, keeps what it acknowledged, and answers the probe."""
    container = containers(SECRETS)["redis"]
    assert container.probe is not None
    client, *words = container.probe

    with RedisServer(tmp_path, aof="off", options=container.command[1:]) as redis:
        reach = [program(client, "redis-tools"), "-p", str(redis.port)]
        probe = subprocess.run([*reach, *words], check=False, capture_output=True, text=True)
        names = ["appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy", "save"]
        said = subprocess.run([*reach, "config", "get", *names], check=True, capture_output=True, text=True).stdout
    after = subprocess.run([*reach, *words], check=False, capture_output=True)

    assert (probe.returncode, probe.stdout.strip()) == (0, "PONG")
    assert after.returncode != 0
    lines = said.split("\n")
    assert dict(zip(lines[:-1:2], lines[1::2], strict=True)) == {
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "maxmemory-policy": "noeviction",
        "save": "",
    }


def test_mariadb_takes_its_command() -> None:
    """A real one reads these options, with the effect that they are there for."""
    options = service("mariadb")["command"]
    command = [program("mariadbd", "mariadb-server"), "--no-defaults"]

    said = subprocess.run(
        [*command, *options, "--verbose", "--help"], check=True, capture_output=True, text=True, cwd="/"
    ).stdout
    misspelt = subprocess.run(
        [*command, *options, "--sync-binlgo=1", "--verbose", "--help"], check=False, capture_output=True, cwd="/"
    )

    values = dict(re.findall(r"^([a-z-]+) +(\S.*)$", said, re.MULTILINE))
    assert misspelt.returncode != 0
    assert_values(
        values,
        {
            "character-set-server": "utf8mb4",
            "collation-server": "utf8mb4_bin",
            "innodb-flush-log-at-trx-commit": "1",
            "sync-binlog": "1",
            "log-bin": "(No default value)",
        },
    )
    assert int(values["max-allowed-packet"]) >= 16 * 1024 * 1024


def assert_values(found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Compare some of the variables."""
    assert {name: found[name] for name in expected} == expected


def test_opensearch_is_alone_and_has_room_for_its_heap() -> None:
    """One node that waits for no other, without the certificates that everybody has; half its memory is the heap."""
    container = containers(SECRETS)["opensearch"]

    heap = re.fullmatch(r"-Xms(\d+)g -Xmx(\d+)g", container.environment["OPENSEARCH_JAVA_OPTS"])

    assert container.environment["discovery.type"] == "single-node"
    assert container.environment["DISABLE_INSTALL_DEMO_CONFIG"] == "true"
    assert heap is not None
    assert heap[1] == heap[2]
    assert service("opensearch")["mem_limit"] == f"{2 * int(heap[1])}g"
