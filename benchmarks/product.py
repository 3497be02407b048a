"""A Parley process to measure: started like a user's, with its CPU, memory and metrics at hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_START_S = 20
_REPOSITORY = Path(__file__).parents[1]


class Product:
    """One ``parley serve`` on free ports, its data in a folder of this disk that goes away with it."""

    def __init__(self, *arguments: str) -> None:
        """Take further arguments of ``parley serve``."""
        self.folder = Path(tempfile.mkdtemp(prefix="parley-bench-", dir=_REPOSITORY.parent))
        api, write = _free_ports()
        self.api, self.write = f"http://127.0.0.1:{api}", f"http://127.0.0.1:{write}"
        self._command = [
            str(Path(sys.executable).with_name("parley")), "serve", "--data-dir", str(self.folder),
            "--api-bind", f"127.0.0.1:{api}", "--write-bind", f"127.0.0.1:{write}", *arguments,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> float:
        """Start it and give the seconds until it answered."""
        began = time.monotonic()
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        while time.monotonic() - began < _START_S:
            try:
                call("GET", f"{self.api}/health")
            except OSError:
                continue
            return time.monotonic() - began
        raise RuntimeError(f"no answer within {_START_S} s")

    def stop(self) -> None:
        """Stop it with SIGTERM."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """The process."""
        if self._process is None:
            raise RuntimeError("not started")
        return self._process.pid

    def memory_mb(self) -> float:
        """Give the resident memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def cpu_s(self) -> float:
        """Give the CPU seconds used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metric(self, name: str) -> float:
        """Give one metric without labels."""
        text = _read(f"{self.api}/metrics").decode()
        return float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0])

    def await_index(self, limit_s: float = 600) -> float:
        """Wait until the index has caught up and give the seconds that took."""
        began = time.monotonic()
        while self.metric("parley_index_lag_ms") > 0 or self.metric("parley_index_rebuilding"):
            if time.monotonic() - began > limit_s:
                raise RuntimeError(f"the index is still behind after {limit_s} s")
        return time.monotonic() - began

    def new_application(self, chats: int) -> str:
        """Make an application with chats 1..``chats`` and give its token."""
        token: str = call("POST", f"{self.api}/api/v1/applications", {"name": "benchmark"})["token"]
        for _ in range(chats):
            call("POST", f"{self.write}/api/v1/applications/{token}/chats", {})
        return token


def call(method: str, url: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
    """Make one request and give the decoded answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - http
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own address
        return json.loads(answer.read() or b"null")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own address
        content: bytes = answer.read()
        return content


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
