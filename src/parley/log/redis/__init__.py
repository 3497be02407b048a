"""The log on Redis or Valkey: streams, numbered by a script that runs inside the engine."""

from __future__ import annotations

from parley.log.port import Apart, LogOpening, Opened
from parley.log.redis.appends import AppendTerms, RedisLog
from parley.log.redis.durability import check_durability
from parley.log.redis.feeding import RedisFeeding
from parley.log.redis.keeper import Budget, RedisKeeper
from parley.log.redis.lives import Lives
from parley.log.redis.reach import PATIENCE_S, RedisReach
from parley.log.redis.sampling import Sampling
from parley.log.redis.servers import build_servers
from parley.log.redis.stream import RedisStream
from parley.log.redis.urls import Kind, parse_url
from parley.log.redis.wires import Wires


def open_(url: str, opening: LogOpening) -> Opened:
    """Open the log at ``url``; what a database offers to an embedded one is not used.

    Raises:
        ConfigurationError: the URL cannot be understood.
    """
    if not opening.writer_id:
        raise ValueError("a log of its own tells its writers apart: give each process an id of its own")
    target = parse_url(url)
    servers = build_servers(target)
    patience_s = opening.unsettled_s / 3
    probing = Wires(servers, PATIENCE_S)
    appending = Wires(servers, patience_s, at_once=target.kind is not Kind.CLUSTER)
    reading, keeping = (Wires(servers, patience_s) for _ in range(2))
    lives = Lives(target.prefix, opening.writer_id)
    feeding = RedisFeeding(keeping, lives, opening.partitions)
    sampling = Sampling(keeping, lives)
    terms = AppendTerms(opening.clock, opening.partitions, opening.key_ttl_s * 1_000, opening.unsettled_s)
    log = RedisLog(appending, lives, feeding.vouched, sampling, terms)
    share = opening.key_budget // opening.partitions
    budget = Budget(keys=share // 2, scopes=share)
    keeper = RedisKeeper(servers, keeping, lives, budget, is_single=target.kind is Kind.SINGLE)

    async def start() -> None:
        log.durability = await check_durability(
            servers, opening.partitions, target.kind, accepts_relaxed=opening.accepts_relaxed
        )
        sampling.start()

    async def close() -> None:
        await sampling.stop()
        for wires in (appending, reading, keeping, probing):
            await wires.close()

    reach = RedisReach(probing, log, opening.partitions)
    return Opened(log, Apart(feeding, RedisStream(reading, target.prefix), keeper, reach), start, close)
