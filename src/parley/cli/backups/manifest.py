"""What a backup says of itself, and whether it still is what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from parley.domain.errors import ConfigurationError
from parley.domain.events import Position
from parley.storage.archive import Holdings

FORMAT: Final = 1
NAME: Final = "manifest.json"
SEAL: Final = "manifest.json.sha256"
"""The manifest's own checksum, as ``sha256sum --check`` reads it."""

_BLOCK: Final = 1024 * 1024


class CopiedFile(msgspec.Struct, frozen=True):
    """One file of the backup."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """All that is to be known of a backup without opening its files; a position is ``[epoch, id]``."""

    format: int
    product: str
    """Parley's version that made it."""
    made_at: str
    """When the cut was taken: what was acknowledged before is in it."""
    kind: str
    cut: dict[int, Position]
    """Where each partition's log ended then."""
    holdings: Holdings
    """What the copy holds; no partition's position lies before its cut."""
    files: Sequence[CopiedFile]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and its checksum."""
    written = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    (folder / NAME).write_bytes(written)
    (folder / SEAL).write_text(f"{hashlib.sha256(written).hexdigest()}  {NAME}\n", "ascii")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest, if it is what was written.

    Raises:
        ConfigurationError: there is none, it is damaged, or of another format.
    """
    if not (folder / NAME).is_file():
        raise ConfigurationError(f"{folder} is no backup: it has no {NAME}")
    if not (folder / SEAL).is_file():
        raise ConfigurationError(f"{folder / SEAL} is missing: the manifest cannot be trusted")
    written = (folder / NAME).read_bytes()
    if (folder / SEAL).read_bytes() != f"{hashlib.sha256(written).hexdigest()}  {NAME}\n".encode():
        raise ConfigurationError(f"{folder / NAME} is damaged, or {SEAL} beside it is: they do not agree")
    try:
        said = msgspec.json.decode(written, type=_Format).format
        if said == FORMAT:
            return msgspec.json.decode(written, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{folder / NAME} cannot be read: {error}") from error
    raise ConfigurationError(f"{folder / NAME} has format {said}; this version of Parley reads format {FORMAT}")


def describe(file: Path, show: Callable[[int], None]) -> CopiedFile:
    """Give a file's name, size and checksum; ``show`` hears how many bytes are read."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
            size += len(block)
            show(size)
    return CopiedFile(file.name, size, digest.hexdigest())


def verify(folder: Path, manifest: Manifest, show: Callable[[int], None]) -> None:
    """Compare every file with what the manifest says of it.

    Raises:
        ConfigurationError: one is missing, or is another; all such files are named.
    """
    faults = []
    for said in manifest.files:
        file = folder / said.name
        if not file.is_file():
            faults.append(f"{file} is missing")
        elif (size := file.stat().st_size) != said.bytes:
            faults.append(f"{file} has {size:,} bytes, not {said.bytes:,}")
        elif describe(file, show) != said:
            faults.append(f"{file} is damaged: its checksum is another")
    if faults:
        raise ConfigurationError(f"this backup cannot be restored: {'; '.join(faults)}")


class _Format(msgspec.Struct):
    format: int
