"""The reverse proxies of deploy/, run on free ports with a throw-away certificate, and a server to put behind them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from tests.support.polling import wait_for
from tests.support.server import free_ports

DEPLOY = Path(__file__).parents[2] / "deploy"
HOST = "chat.example.org"


class ProxyAnswer(NamedTuple):
    """What came back through the proxy."""

    status: int
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """Read the body as JSON."""
        return json.loads(self.body)


class Echo:
    """An HTTP server that answers every request with what it saw."""

    def __init__(self, name: str) -> None:
        """Take the name it gives itself in its answers."""
        self._name = name
        (self.port,) = free_ports(1)

    def __enter__(self) -> Self:
        """Start it."""
        self.resume()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop it."""
        self.pause()

    def resume(self) -> None:
        """Listen."""
        handler = type("Handler", (_EchoHandler,), {"service": self._name})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def pause(self) -> None:
        """Close the listener and every connection: each answer says that it is the last."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _EchoHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: str

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - do_GET, do_POST, …
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        received = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {
            "service": self.service,
            "method": self.command,
            "path": self.path,
            "host": self.headers["Host"],
            "key": self.headers["Idempotency-Key"],
            "request_id": self.headers["X-Request-Id"],
            "bytes": len(received),
        }
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
        """Write no log."""


class Proxy(ABC):
    """One proxy, running with its sample configuration."""

    program: ClassVar[str]

    def __init__(self, program: str, folder: Path, api_port: int, write_port: int) -> None:
        """Take the program, an empty folder and the ports of both services."""
        self._program = program
        self._folder = folder
        self._ports = {"127.0.0.1:3000": f"127.0.0.1:{api_port}", "127.0.0.1:8080": f"127.0.0.1:{write_port}"}
        self._http_port, self._https_port = free_ports(2)
        self._certificate, self._key = folder / "certificate.pem", folder / "key.pem"

    def __enter__(self) -> Self:
        """Start it and return when it accepts connections."""
        self._make_certificate()
        self._log = (self._folder / "output.log").open("wb")
        self._process = subprocess.Popen(
            self.prepare(),
            cwd=self._folder,
            env={**os.environ, "HOME": str(self._folder)},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        wait_for(self._accepts, f"{self.program} accepts connections")
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(10)
        self._log.close()

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write the configuration into the folder and give the command."""

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> ProxyAnswer:
        """Send one request over TLS and read its answer."""
        context = ssl.create_default_context(cafile=str(self._certificate))
        plain = socket.create_connection(("127.0.0.1", self._https_port), 20)
        connection = http.client.HTTPConnection(HOST, timeout=20)
        with context.wrap_socket(plain, server_hostname=HOST) as connection.sock:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return ProxyAnswer(answer.status, answer.read())

    def substitute(self, sample: Path, replacements: dict[str, str]) -> str:
        """Read a sample and replace what only the operator knows; each piece must be there."""
        text = sample.read_text("utf-8")
        for old, new in (self._ports | replacements).items():
            assert old in text, f"{sample.name} has no {old!r}"
            text = text.replace(old, new)
        return text

    def _accepts(self) -> bool:
        assert self._process.poll() is None, (self._folder / "output.log").read_text("utf-8", "replace")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._https_port)) == 0

    def _make_certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        files = ["-days", "2", "-keyout", str(self._key), "-out", str(self._certificate)]
        names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
        subprocess.run([*command, *files, *names], check=True, capture_output=True)


class Nginx(Proxy):
    """deploy/nginx/parley.conf, inside the smallest nginx.conf."""

    program = "nginx"

    def prepare(self) -> list[str]:
        """Write both files, and let nginx test them first."""
        replacements = {
            "listen 80;": f"listen 127.0.0.1:{self._http_port};",
            "listen 443 ": f"listen 127.0.0.1:{self._https_port} ",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/ssl/parley/fullchain.pem": str(self._certificate),
            "/etc/ssl/parley/privkey.pem": str(self._key),
            "/var/log/nginx/parley.log": str(self._folder / "access.log"),
        }
        (self._folder / "parley.conf").write_text(self.substitute(DEPLOY / "nginx" / "parley.conf", replacements))
        folders = "".join(
            f"{kind}_temp_path {self._folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        main = self._folder / "nginx.conf"
        main.write_text(
            f"daemon off;\n{user}pid {self._folder}/nginx.pid;\nevents {{}}\n"
            f"http {{\n{folders}include {self._folder}/parley.conf;\n}}\n"
        )
        command = [self._program, "-e", str(self._folder / "error.log"), "-p", str(self._folder), "-c", str(main)]
        tested = subprocess.run([*command, "-t"], check=False, capture_output=True, text=True)
        assert tested.returncode == 0, tested.stderr
        return command


class Caddy(Proxy):
    """deploy/caddy/Caddyfile, with our certificate in the place of a public one."""

    program = "caddy"

    def prepare(self) -> list[str]:
        """Write the file, and let Caddy validate it first."""
        replacements = {
            "{\n\tservers {": "{\n\tadmin off\n\tauto_https disable_redirects\n\tservers {",
            f"\n{HOST} {{\n": f"\nhttps://{HOST}:{self._https_port} {{\n\ttls {self._certificate} {self._key}\n",
        }
        path = self._folder / "Caddyfile"
        path.write_text(self.substitute(DEPLOY / "caddy" / "Caddyfile", replacements))
        options = ["--config", str(path), "--adapter", "caddyfile"]
        tested = subprocess.run([self._program, "validate", *options], check=False, capture_output=True, text=True)
        assert tested.returncode == 0, tested.stderr
        return [self._program, "run", *options]
