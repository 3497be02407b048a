"""Our containers as processes of this machine, confined as far as that is possible without a container engine.

with Running("api", Machine(environment, folder, urls)) as api:
api.wait_until_healthy()  # by the probe that deploy/compose.yaml has for it
api.stop()                # 0
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from tests.support.containers import SECRETS, containers, resolved, seconds
from tests.support.dockerfile import image_stages, last, settings_of
from tests.support.engines.process import program
from tests.support.polling import wait_for
from tests.support.server import free_ports

PORTS = (3000, 8080, 8081)
HEALTHY_S = 60.0
SLOWER = 6
"""How much longer than the file says a probe may take: here it shares two cores with every container and engine."""


class Machine(NamedTuple):
    """What all containers share here: an environment, engines, and a folder that none of them may write to."""

    environment: Path
    folder: Path
    urls: Mapping[str, str]


class Running:
    """One of our containers as processes of this machine, confined as far as one can be without an engine.

    A user of the image's number who may read everything and write nothing, its own folder for temporary files alone.
    The engines' URLs and the ports are other ones, as several containers listen on the same; all else is the file's.
    """

    def __init__(self, name: str, machine: Machine) -> None:
        """Read what the file says of it."""
        _, image = image_stages()
        self._container = containers(SECRETS)[name]
        self._service = resolved(SECRETS)["services"][name]
        self._stop = signal.Signals[last(image, "STOPSIGNAL").text]
        self._machine = machine
        self._ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self._log = machine.folder / f"{name}.log"
        self.temporary = Path(tempfile.mkdtemp(prefix="parley-"))
        self.temporary.chmod(0o777)
        self._env = {
            **settings_of(image),
            **{name: self._mapped(value) for name, value in self._container.environment.items()},
            **machine.urls,
            "PATH": f"{machine.environment / 'bin'}:{os.defpath}",
            "PARLEY_DATA_DIR": str(machine.folder),
            "TMPDIR": str(self.temporary),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start its command."""
        with self._log.open("wb") as log:
            self.process = self._popen(self._container.command, log.fileno())
        return self

    def __exit__(self, *exc: object) -> None:
        """Kill it, unless it has ended."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.temporary)

    @property
    def url(self) -> str:
        """Give where its published port is."""
        (published,) = self._service["ports"]
        return f"http://127.0.0.1:{self._ports[int(published.rpartition(':')[2])]}"

    def wait_until_healthy(self) -> None:
        """Return when its own probe passes."""
        wait_for(self.is_healthy, f"{self._container.command} is healthy", HEALTHY_S, every_s=0.2)

    def is_healthy(self) -> bool:
        """Run its probe once, as the engine would do inside."""
        assert self.process is not None
        assert self.process.poll() is None, self.log_text()
        assert self._container.probe is not None
        probe = self._popen([self._mapped(word) for word in self._container.probe], subprocess.DEVNULL)
        return probe.wait(seconds(self._service["healthcheck"]["timeout"]) * SLOWER) == 0

    def user(self) -> int:
        """Give the number of the user that it runs as."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}").stat().st_uid

    def wait(self) -> int:
        """Wait until it ends by itself, and give its exit code."""
        assert self.process is not None
        return self.process.wait(HEALTHY_S)

    def stop(self) -> int:
        """Send the image's signal to its first process and give its exit code, within its grace period."""
        assert self.process is not None
        self.process.send_signal(self._stop)
        return self.process.wait(seconds(self._service["stop_grace_period"]))

    def log_text(self) -> str:
        """Give what it wrote."""
        return self._log.read_text("utf-8", "replace")

    def _popen(self, command: list[str], output: int) -> subprocess.Popen[bytes]:
        """Start a command inside."""
        return subprocess.Popen(
            [*as_nobody(), *command], env=self._env, cwd=self._machine.folder,
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip

    def _mapped(self, text: str) -> str:
        """Put this machine's ports in the place of the container's."""
        for inside, outside in self._ports.items():
            text = text.replace(f"0.0.0.0:{inside}", f"127.0.0.1:{outside}")
            text = text.replace(f'"127.0.0.1", {inside},', f'"127.0.0.1", {outside},')
        return text


def as_nobody() -> list[str]:
    """Give the words that run a command as the image's user; one who is not root is nobody already.

    The right to read everything stands for an image that everybody may read: here the interpreter is somebody's.
    """
    if os.geteuid() != 0:
        return []
    user, _, group = last(image_stages()[-1], "USER").text.partition(":")
    reading = [f"--{kind}=-all,+dac_read_search" for kind in ("bounding-set", "inh-caps", "ambient-caps")]
    setpriv = program("setpriv", "util-linux")
    return [setpriv, "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs", *reading, "--"]
