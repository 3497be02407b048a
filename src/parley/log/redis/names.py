"""How the log's keys are named: one hash tag a partition, and in it one set of keys an epoch."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class PartitionKeys(NamedTuple):
    """What a partition has once, whatever life its log is in."""

    epoch: str
    sealed: str
    tag: str


class EpochKeys(NamedTuple):
    """What a partition has in one epoch; nothing of it outlives the epoch."""

    meta: str
    scopes: str
    keys_a: str
    keys_b: str
    log: str
    short: str
    writers: str
    """The beginning of each writer's key."""


@lru_cache(1_024)
def partition_keys(prefix: str, partition: int) -> PartitionKeys:
    """Name a partition's keys."""
    tag = f"{{{prefix}:{partition}}}"
    return PartitionKeys(f"{tag}:epoch", f"{tag}:sealed", tag)


@lru_cache(1_024)
def epoch_keys(prefix: str, partition: int, epoch: int) -> EpochKeys:
    """Name a partition's keys of an epoch."""
    start = f"{{{prefix}:{partition}}}:{epoch}"
    return EpochKeys(
        meta=f"{start}:meta",
        scopes=f"{start}:scopes",
        keys_a=f"{start}:keys:a",
        keys_b=f"{start}:keys:b",
        log=f"{start}:log",
        short=f"{start}:short",
        writers=f"{start}:writer:",
    )
