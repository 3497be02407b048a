"""The wheel, and nothing but the wheel: built, installed into an empty environment elsewhere, and run there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.client import Client
from tests.support.server import Server

ROOT = Path(__file__).parents[2]


def uv() -> str:
    """Find uv: on PATH, or where scripts/environment.sh puts it."""
    found = shutil.which("uv", path=f"{ROOT / '.uv' / 'bin'}:{os.environ['PATH']}")
    assert found is not None, "uv is not there: `make environment` installs it"
    return found


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and give what it printed; it must succeed."""
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def parley(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the ``parley`` command of an environment that holds the wheel and the locked versions of what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    run(uv(), "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", folder, cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    run(uv(), "export", "--quiet", "--locked", "--no-dev", "--no-emit-project", "-o", folder / "locked.txt", cwd=ROOT)
    environment = folder / "environment"
    run(uv(), "venv", "--quiet", "--python", sys.executable, environment, cwd=folder)
    python = environment / "bin" / "python"
    run(uv(), "pip", "install", "--quiet", "--python", python, "-r", folder / "locked.txt", cwd=folder)
    run(uv(), "pip", "install", "--quiet", "--python", python, "--no-deps", wheel, cwd=folder)
    return environment / "bin" / "parley"


@pytest.fixture(scope="module")
def server(parley: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give the installed server, running in a folder of its own."""
    with Server(tmp_path_factory.mktemp("installed"), command=[str(parley)]) as server:
        yield server


def test_the_installed_command_explains_itself(parley: Path, tmp_path: Path) -> None:
    """`parley --help` works outside the checkout and names the commands."""
    told = run(parley, "--help", cwd=tmp_path)

    assert "serve" in told
    assert "doctor" in told


def test_the_installed_package_comes_from_the_wheel(parley: Path, tmp_path: Path) -> None:
    """Nothing of the checkout is on the path, and the licence travels along."""
    python = parley.with_name("python")
    found = run(python, "-c", "import parley; print(parley.__file__)", cwd=tmp_path)

    assert Path(found.strip()).is_relative_to(parley.parents[1])
    assert list(parley.parents[1].glob("lib/python3*/site-packages/parley-*.dist-info/licenses/LICENSE"))


def test_the_installed_server_serves_its_assets(server: Server) -> None:
    """The documentation page, all it refers to and the API description come from the wheel, nothing from elsewhere."""
    with Client(server.api_url) as client:
        page = client.get("/docs")
        references = re.findall(r"""(?:src|href)=["']([^"'#]+)["']""", page.body.decode())

        assert page.status == 200
        assert references
        for reference in references:
            address = urljoin(f"{server.api_url}/docs", reference)
            assert address.startswith(server.api_url), f"{reference} leaves the server"
            assert client.get(address.removeprefix(server.api_url)).status == 200, reference
        assert json.loads(client.get("/openapi.json").body)["openapi"].startswith("3.1")


def test_the_installed_server_stores_and_finds_a_message(server: Server) -> None:
    """Migrations and queries are in the wheel too."""
    with Client(server.api_url) as api, Client(server.write_url) as write:
        application = api.json("POST", "/api/v1/applications", {"name": "wheel"}).json()
        chats = f"/api/v1/applications/{application['token']}/chats"

        assert write.json("POST", chats).json()["number"] == 1
        assert write.json("POST", f"{chats}/1/messages", {"body": "hello"}).json()["number"] == 1
        assert api.get(f"{chats}/1/messages/1").json()["body"] == "hello"


def test_the_installed_server_stops_cleanly(server: Server) -> None:
    """SIGTERM ends it with 0; the module's last test."""
    assert server.stop() == 0
