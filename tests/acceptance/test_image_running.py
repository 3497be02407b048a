"""The containers' own commands, run as deploy/compose.yaml says, from an environment made as the Dockerfile says."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.confined import Machine, Running
from tests.support.containers import SECRETS, containers
from tests.support.dockerfile import ROOT, VENV, image_stages, settings_of
from tests.support.engines.mariadb import MariaDbServer
from tests.support.engines.opensearch import OpenSearchServer
from tests.support.engines.process import program
from tests.support.engines.redis import RedisServer
from tests.support.missing import lacking
from tests.support.polling import wait_for
from tests.support.server import free_ports
from tests.support.tenant import APPLICATIONS, expect

AS_ADMIN = [("Authorization", f"Bearer {SECRETS['PARLEY_ADMIN_TOKEN']}")]
FOUND_S = 60.0
_BUILT_S = 800
"""A minute of compiling, on a machine that does much else."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give an environment made by the build stage's own commands out of what it copies, with this interpreter."""
    uv = shutil.which("uv", path=f"{ROOT / '.uv' / 'bin'}:{os.environ['PATH']}")
    if uv is None:
        lacking("uv is missing: `make environment` installs it")
    build, _ = image_stages()
    folder, made = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("image") / "parley"
    settings = {name: value.replace(VENV, str(made)) for name, value in settings_of(build).items()}
    for instruction in build:
        words = instruction.words()
        if instruction.name == "COPY":
            for source in words[:-1]:
                take(source, folder)
        elif words[0] == "uv":
            run([uv, *words[1:], "--python", sys.executable], folder, settings)
    yield made
    shutil.rmtree(folder)
    shutil.rmtree(made)


def take(source: str, folder: Path) -> None:
    """Copy a file or a folder of the checkout, as the builder would."""
    found = ROOT / source
    if found.is_dir():
        shutil.copytree(found, folder / source, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy(found, folder / source)


def run(command: list[str], folder: Path, settings: dict[str, str]) -> str:
    """Run a command to its end and give what it printed; it must succeed."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, cwd=folder, env={**outside, **settings}, check=False, capture_output=True, text=True, timeout=_BUILT_S
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def machine(
    environment: Path,
    tmp_path: Path,
    redis_server: RedisServer,
    mariadb_server: MariaDbServer,
    opensearch_server: OpenSearchServer,
) -> Machine:
    """Give the engines under the names of the settings that the file's URLs have, and an empty folder."""
    name = f"parley_{secrets.token_hex(4)}"
    urls = {
        "PARLEY_DATABASE_URL": mariadb_server.create_database(name),
        "PARLEY_LOG_URL": f"{redis_server.url}?prefix={name}",
        "PARLEY_SEARCH_URL": f"{opensearch_server.url}/{name}",
    }
    return Machine(environment, tmp_path, urls)


def test_the_build_makes_an_environment_that_runs(environment: Path, tmp_path: Path) -> None:
    """Its commands need nothing that is not copied; Parley and the drivers of all three engines are in it, compiled."""
    said = run([str(environment / "bin" / "parley"), "--version"], tmp_path, {})
    code = (
        "import json, asyncmy, cryptography, hiredis, opensearchpy, parley, parley.http.wire.connection as hot;"
        "print(json.dumps([parley.__file__, hot.__file__]))"
    )
    place, hot = json.loads(run([str(environment / "bin" / "python"), "-c", code], tmp_path, {}))

    assert said.strip() == version("parley")
    assert Path(place).is_relative_to(environment)
    assert hot.endswith(".so")
    assert list(Path(place).parent.glob("__pycache__/config.*.pyc"))
    assert not list(environment.glob("lib/python3*/site-packages/pytest"))


def test_the_containers_serve_clients_together(machine: Machine) -> None:
    """Each command of the file with its environment: healthy by its own probe, used from outside, stopped with 0."""
    with Running("migrate", machine) as migrate:
        assert migrate.wait() == 0, migrate.log_text()
    with ExitStack() as stack:
        api, write, work = (stack.enter_context(Running(name, machine)) for name in ("api", "write", "work"))
        for running in (api, write, work):
            running.wait_until_healthy()
            assert running.user() != 0

        use(api.url, write.url)

        for running in (api, write, work):
            assert running.stop() == 0, running.log_text()
            assert "Traceback" not in running.log_text()
            assert not list(running.temporary.iterdir())
    assert sorted(path.suffix for path in machine.folder.iterdir()) == [".log"] * 4


def use(api_url: str, write_url: str) -> None:
    """Do over the published ports what clients do."""
    with Client(api_url) as api, Client(write_url) as write:
        assert api.json("POST", APPLICATIONS, {"name": "nobody's"}).status == 401
        path = f"{APPLICATIONS}/{expect(api.json('POST', APPLICATIONS, {'name': 'one'}, AS_ADMIN), 201)['token']}"
        chat = f"{path}/chats/{expect(write.json('POST', f'{path}/chats', {'title': 'first'}), 201)['number']}"
        sent = write.json("POST", f"{chat}/messages", {"body": "a NEEDLE in the hay"})
        number = expect(sent, 201)["number"]
        listed = expect(api.get(f"{chat}/messages"), 200)

        def found() -> bool:
            answer = api.get(f"{chat}/messages/search?q=needle")
            return answer.status == 200 and [message["number"] for message in answer.json()] == [number]

        assert sent.header("Parley-Durability") == "queued"
        assert [message["body"] for message in listed] == ["a NEEDLE in the hay"]
        wait_for(found, "the message is found", FOUND_S)


def test_opensearch_is_probed(opensearch_server: OpenSearchServer) -> None:
    """Its probe passes at a real one whose indices can be searched, and nowhere else."""
    probe = containers(SECRETS)["opensearch"].probe
    assert probe is not None
    (nobody,) = free_ports(1)

    ended = [
        subprocess.run(
            [program(probe[0], "curl"), *(word.replace(":9200/", f":{port}{path}") for word in probe[1:])],
            check=False, capture_output=True, timeout=30,
        ).returncode
        for port, path in ((opensearch_server.port, "/"), (nobody, "/"), (opensearch_server.port, "/nowhere/"))
    ]  # fmt: skip

    assert ended[0] == 0
    assert all(ended[1:])
