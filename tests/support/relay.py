"""A port in front of a server: it can be cut off, and it can speak TLS for the server."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_CHUNK = 64 * 1024


class Certificate(NamedTuple):
    """A self-made certificate for 127.0.0.1, which is its own authority."""

    file: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Make one in a folder."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *files], check=True, capture_output=True)  # noqa: S607
    return made


class Relay:
    """Carries bytes both ways; what came from clients is kept for a look."""

    def __init__(self, port: int, certificate: Certificate | None = None) -> None:
        """Stand in front of a loopback port, with TLS if there is a certificate."""
        self._upstream = port
        self._tls = None
        if certificate is not None:
            self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._tls.load_cert_chain(certificate.file, certificate.key)
        self._is_cut = False
        self._carrying: set[asyncio.Task[None]] = set()
        self.received = bytearray()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Take connections inside, at the port that it gives."""
        server = await asyncio.start_server(self._carry_both, "127.0.0.1", 0, ssl=self._tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._carrying, return_exceptions=True)

    def cut(self) -> None:
        """End all connections, and new ones at once."""
        self._is_cut = True
        for task in self._carrying:
            task.cancel()

    def mend(self) -> None:
        """Take connections again."""
        self._is_cut = False

    async def _carry_both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.close()
            return
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._upstream)
        ways = {
            asyncio.create_task(self._carry(reader, to_server, self.received)),
            asyncio.create_task(self._carry_answers(from_server, writer)),
        }
        self._carrying |= ways
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._carrying -= ways
            to_server.close()
            writer.close()

    async def _carry_answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what the server says; a relay of another kind may do more with it."""
        await self._carry(reader, writer, None)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray | None) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK):
                if kept is not None:
                    kept += chunk
                writer.write(chunk)
                await writer.drain()
