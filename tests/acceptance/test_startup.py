"""Starting: what ``parley serve`` says when it cannot, and that it then leaves everything as it was."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import apsw
import pytest

from tests.support.client import Client
from tests.support.commands import digests, refusal, run_parley
from tests.support.missing import lacking
from tests.support.server import Server, free_ports
from tests.support.tenant import Tenant

BINDS = "--api-bind", "--write-bind"


def serve(data_dir: Path, binds: Mapping[str, str] | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``parley serve``, on free ports but for the given binds, until it ends by itself."""
    flags = {"--data-dir": str(data_dir), **loopback_binds(), **(binds or {})}
    return run_parley("serve", *chain.from_iterable(flags.items()), env=env, timeout_s=20)


def loopback_binds() -> dict[str, str]:
    """Give the flags of two free ports."""
    api, write = free_ports(2)
    return {"--api-bind": f"127.0.0.1:{api}", "--write-bind": f"127.0.0.1:{write}"}


@contextmanager
def listener(host: str = "127.0.0.1") -> Iterator[int]:
    """Hold a port."""
    with socket.create_server((host, 0)) as held:
        yield held.getsockname()[1]


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """Give a data folder that a server used and left."""
    with Server(tmp_path) as server, Client(server.api_url) as client:
        Tenant(client).create_chat()
    return server.data_dir


@pytest.mark.parametrize("flag", BINDS)
def test_operator_is_told_the_port_in_use(flag: str, tmp_path: Path) -> None:
    """A port that another program listens on is named, and no data folder is made."""
    with listener() as port:
        line = refusal(serve(tmp_path / "data", {flag: f"127.0.0.1:{port}"}))

    assert str(port) in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("flag", BINDS)
def test_operator_is_told_the_port_in_use_when_the_folder_is_an_old_one(flag: str, used: Path) -> None:
    """The data of earlier runs is not touched by a start that finds its port taken."""
    before = digests(used)

    with listener() as port:
        line = refusal(serve(used, {flag: f"127.0.0.1:{port}"}))

    assert str(port) in line
    assert digests(used) == before


def test_operator_is_told_the_port_in_use_when_another_parley_has_it(tmp_path: Path) -> None:
    """Two servers never share a port, whatever the kernel would allow."""
    with Server(tmp_path / "first") as first:
        for flag, port in (("--api-bind", first.api_port), ("--write-bind", first.write_port)):
            line = refusal(serve(tmp_path / "second", {flag: f"127.0.0.1:{port}"}))

            assert str(port) in line
        assert not (tmp_path / "second").exists()


def test_operator_is_told_one_port_for_both_services(tmp_path: Path) -> None:
    """The two services cannot share one port."""
    port = free_ports(1)[0]

    line = refusal(serve(tmp_path / "data", dict.fromkeys(BINDS, f"127.0.0.1:{port}")))

    assert str(port) in line
    assert not (tmp_path / "data").exists()


def test_operator_is_told_the_process_that_owns_the_folder(tmp_path: Path) -> None:
    """A second server on a running server's folder names it and disturbs nothing."""
    with Server(tmp_path) as server, Client(server.api_url) as client:
        tenant = Tenant(client)
        chat = tenant.create_chat()
        tenant.post(chat, "before")
        assert server.process is not None
        lock = server.data_dir / "parley.db.lock"
        owner = lock.read_bytes()

        line = refusal(serve(server.data_dir))

        assert str(server.data_dir) in line
        assert str(server.process.pid) in line
        assert lock.read_bytes() == owner
        assert tenant.post(chat, "after") == 2


def test_operator_is_told_of_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    """A file in the folder's place stays as it is."""
    (tmp_path / "data").write_text("mine")

    line = refusal(serve(tmp_path / "data"))

    assert str(tmp_path / "data") in line
    assert (tmp_path / "data").read_text() == "mine"


def test_operator_is_told_of_a_folder_that_cannot_be_made() -> None:
    """Not even root makes a folder there."""
    assert "/proc/parley" in refusal(serve(Path("/proc/parley")))


@pytest.mark.parametrize("made_by", ["nobody yet", "an earlier run"])
def test_operator_is_told_of_a_folder_that_is_read_only(made_by: str, used: Path) -> None:
    """A user who may read but not write the folder gets a line that names it."""
    folder = used if made_by == "an earlier run" else used.parent / "empty"
    folder.mkdir(exist_ok=True)
    before = digests(folder)
    flags = {"--data-dir": str(folder), **loopback_binds()}

    with read_only(folder):
        line = refusal(
            run_parley("serve", *chain.from_iterable(flags.items()), before=without_root_powers(), timeout_s=20)
        )

    assert str(folder) in line
    assert digests(folder) == before


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let others see the folder and nobody write it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o444)
    folder.chmod(0o555)
    yield
    folder.chmod(0o755)
    for path in files:
        path.chmod(0o644)


def without_root_powers() -> list[str]:
    """Give the command before a command that makes permissions hold for root too."""
    if os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        lacking("root writes everywhere, and there is no setpriv to give that up")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def test_operator_is_told_of_a_newer_schema(used: Path) -> None:
    """A database that newer code wrote is left alone, and both versions are named."""
    with apsw.Connection(str(used / "parley.db")) as database:
        row = 9876, "x", "x", 9876, 0
        database.execute(
            "insert into schema_migration (version, name, checksum, oldest_code, applied_at) values (?, ?, ?, ?, ?)",
            row,
        ).fetchall()
    database.close()
    before = digests(used)

    line = refusal(serve(used))

    assert "9876" in line
    assert digests(used) == before


@pytest.mark.parametrize("content", [b"not a database, " * 512, b"SQLite format 3\0" + bytes(4080)])
def test_operator_is_told_of_a_file_that_is_no_database(content: bytes, tmp_path: Path) -> None:
    """What is not a database of ours is never overwritten."""
    (tmp_path / "parley.db").write_bytes(content)
    before = digests(tmp_path)

    line = refusal(serve(tmp_path))

    assert "parley.db" in line
    assert digests(tmp_path) == before


@pytest.mark.parametrize("flag", BINDS)
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])  # noqa: S104 - it must be refused
def test_operator_is_told_to_set_a_token_when_the_bind_is_public(flag: str, host: str, tmp_path: Path) -> None:
    """Nothing listens outside loopback without an admin token."""
    line = refusal(serve(tmp_path / "data", {flag: f"{host}:{free_ports(1)[0]}"}))

    assert "PARLEY_ADMIN_TOKEN" in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARLEY_DATABASE_URL", "oracle://db"),
        ("PARLEY_LOG_URL", "carrier-pigeon://loft"),
        ("PARLEY_SEARCH_URL", "gopher://index"),
        ("PARLEY_PUBSUB_URL", "nonsense"),
        ("PARLEY_DATABASE_URL", "sqlite:"),
        ("PARLEY_API_BIND", "nonsense"),
        ("PARLEY_API_BIND", "127.0.0.1:99999"),
        ("PARLEY_WRITE_BIND", "127.0.0.1"),
        ("PARLEY_WRITE_BIND", "no-such-host.invalid:8080"),
        ("PARLEY_READERS", "0"),
        ("PARLEY_READERS", "many"),
        ("PARLEY_DRAIN_TIMEOUT_S", "-1"),
        ("PARLEY_DRAIN_TIMEOUT_S", "nan"),
        ("PARLEY_LOG_LEVEL", "loud"),
        ("PARLEY_LOG_DURABILITY", "perhaps"),
        ("PARLEY_PARTITIONS", "0"),
    ],
)
def test_operator_is_told_the_setting_that_is_wrong(name: str, value: str, tmp_path: Path) -> None:
    """The line names the setting, and no data folder is made."""
    env = {"PARLEY_DATA_DIR": str(tmp_path / "data"), name: value}
    binds = [] if name.endswith("_BIND") else ["--api-bind", "127.0.0.1:0", "--write-bind", "127.0.0.1:0"]

    line = refusal(run_parley("serve", *binds, env=env, timeout_s=20))

    flag = "--" + name.removeprefix("PARLEY_").lower().replace("_", "-")
    assert name in line or flag in line, line
    assert not (tmp_path / "data").exists()


def test_operator_never_sees_the_admin_token(tmp_path: Path) -> None:
    """A refused start prints no secret."""
    secret = "s3cret-of-the-house"  # noqa: S105 - looked for in the output
    with listener() as port:
        done = serve(tmp_path / "data", {"--api-bind": f"127.0.0.1:{port}"}, PARLEY_ADMIN_TOKEN=secret)

    assert secret not in done.stdout + refusal(done)


def test_operator_names_the_folder_as_they_like(tmp_path: Path) -> None:
    """Signs that mean something in a URL are letters like others in a folder's name."""
    name = "two words? 100%41 #1;b&c=дом"
    server = Server(tmp_path / name)

    with server, Client(server.api_url) as client:
        Tenant(client).create_chat()

    assert (tmp_path / name / "data" / "parley.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_operator_starts_again_where_the_last_run_ended(tmp_path: Path) -> None:
    """The second start finds everything; how long it took is printed, a benchmark judges it."""
    with Server(tmp_path) as server, Client(server.api_url) as client:
        tenant = Tenant(client)
        chat = tenant.create_chat("first")
        numbers = [tenant.post(chat, f"message {i}") for i in range(10)]

    started = time.monotonic()
    with server, Client(server.api_url) as client:
        print(f"warm start: {time.monotonic() - started:.2f} s")  # noqa: T201 - the number is asked for
        found = client.get(f"{chat}/messages").json()

    assert [message["number"] for message in found] == numbers
    assert "Traceback" not in server.log_text()
