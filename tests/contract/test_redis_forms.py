"""The log over every form of URL that is offered, each on real servers; and what is said of durability at start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from parley.domain.errors import ConfigurationError, ParleyError
from parley.domain.grants import ScopeName
from parley.domain.numbering import Appended, Reason, Refused
from tests.support.engines.process import HOST
from tests.support.engines.redis import RedisServer
from tests.support.logs import LogHouse, log_house, notice, wait_until
from tests.support.ports import keyed, posted
from tests.support.redis_forms import RedisSentinel, cluster_of_three, over_tls

FORMS = ["redis", "valkey", "unix", "user", "rediss", "cluster"]


@pytest.fixture(params=FORMS)
def url(request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a running server in each form."""
    if request.param == "rediss":
        with over_tls(tmp_path) as url:
            yield url
    elif request.param == "cluster":
        with cluster_of_three(tmp_path) as nodes:
            yield f"redis+cluster://{HOST}:{nodes[2].port},{HOST}:{nodes[0].port}"
    elif request.param == "user":
        with RedisServer(tmp_path) as server:
            yield add_user(server, "+@all") + "/3"
    else:
        plain = {
            "redis": f"redis://{HOST}:{redis_server.port}/0",
            "valkey": f"valkey://{HOST}:{redis_server.port}/0",
            "unix": redis_server.unix_url,
        }
        yield plain[request.param]


def add_user(server: RedisServer, *rules: str) -> str:
    """Give a server a user with a password, and give the URL that names both."""
    with plain_client(server) as client:
        client.execute_command("ACL", "SETUSER", "writer", "on", ">p:55@", "~*", "&*", *rules)
    return f"redis://writer:p%3A55%40@{HOST}:{server.port}"


async def test_a_log_is_opened_over_every_form(url: str) -> None:
    """Chats, messages and keys in all partitions of one batch; then read, stored, trimmed, and a next epoch."""
    async with log_house(url, partitions=8) as house:
        chats = [await house.add_chat(partition) for partition in range(8)]
        entries = [posted(chat, "a", key=keyed("k")) for chat in chats]

        outcomes = await house.send(*entries, *entries)
        await house.persist()
        for partition in range(8):
            await house.begin(partition)
        after = await house.append(*(posted(chat, "b") for chat in chats))

        assert [outcome[0] for outcome in outcomes] == [1] * 16
        assert [outcome.number for outcome in after if isinstance(outcome, Appended)] == [1_001] * 8
        assert all(house.rows.bodies[ScopeName(*chat)] == {1: "a"} for chat in chats)
        await house.log.ping()
        is_cluster = url.startswith("redis+cluster")
        assert house.log.durability == ("relaxed" if is_cluster else "queued")


async def test_a_log_follows_a_failover_to_a_replica_that_lags(tmp_path: Path) -> None:
    """What the new primary lacks is seen by its writer; a new epoch gives none of the lost numbers again."""
    with RedisServer(tmp_path / "a") as old:
        following = ("--replicaof", f"{HOST} {old.port}")
        with RedisServer(tmp_path / "b", options=following) as new, RedisSentinel(tmp_path / "s", old) as sentinel:
            async with log_house(sentinel.url, unsettled_s=2.0) as house:
                chat = await house.add_chat(0)
                await house.persist()
                await wait_until(lambda: has_all(new, old), "the replica has what was written so far", 30)
                new.pause()
                with plain_client(old) as client:
                    client.client_kill_filter(_type="replica")
                lost = [await house.take(posted(chat, f"{n}")) for n in range(5)]
                old.kill()
                new.resume()

                await wait_until(lambda: is_refused(house, chat), "the new primary refuses", 30)
                await wait_until(lambda: is_short(house), "the writer has flagged the log")
                vitals = await house.keeper.examine(0, house.lives[0])
                await house.begin(0)

                assert not vitals.keeps_all
                assert sentinel.primary_port() == new.port
                after = await house.take(posted(chat, "after"))
                assert after.number > max(one.number for one in lost)
                assert after.position > max(one.position for one in lost)


def plain_client(server: RedisServer) -> Any:  # noqa: ANN401 - a client
    """Give a plain client."""
    return LogHouse(server.url).client()


async def has_all(replica: RedisServer, primary: RedisServer) -> bool:
    """Tell whether a replica follows its primary and has read to the end of what that wrote."""
    with plain_client(replica) as following, plain_client(primary) as leading:
        end = leading.info("replication")["master_repl_offset"]
        told = following.info("replication")
        return bool(told["master_link_status"] == "up" and told["slave_read_repl_offset"] >= end)


async def is_refused(house: LogHouse, chat: tuple[str, int]) -> bool:
    """Tell whether a server answers that it is in another life."""
    with suppress(ParleyError):
        return await house.send(posted(chat, "x")) == [Refused(Reason.EPOCH)]
    return False


async def is_short(house: LogHouse) -> bool:
    """Tell whether the log is flagged."""
    return (await house.keeper.examine(0, house.lives[0])).is_short


async def test_a_node_of_a_cluster_that_is_gone_takes_only_its_partitions_along(tmp_path: Path) -> None:
    """What lies on the others is taken; the rest of a batch is refused without a word that is not true."""
    with cluster_of_three(tmp_path) as nodes:
        url = f"redis+cluster://{HOST}:{nodes[0].port},{HOST}:{nodes[1].port}"
        async with log_house(url, partitions=8, unsettled_s=2.0) as house:
            chats = [await house.add_chat(partition) for partition in range(8)]
            for node in nodes:
                with plain_client(node) as client:
                    client.config_set("cluster-require-full-coverage", "no")
            nodes[2].kill()
            await notice()

            outcomes = await house.send(*(posted(chat, "a") for chat in chats))

            taken = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
            refused = [outcome for outcome in outcomes if outcome == Refused(Reason.EPOCH)]
            assert taken
            assert refused
            assert len(taken) + len(refused) == 8


REFUSED = {
    "everysec": (("--appendfsync", "everysec"), "'appendfsync always'"),
    "no file": (("--appendonly", "no"), "'appendonly yes'"),
    "not while it rewrites": (("--no-appendfsync-on-rewrite", "yes"), "'no-appendfsync-on-rewrite no'"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_server_that_does_not_sync_is_refused_unless_it_is_accepted(case: str, tmp_path: Path) -> None:
    """The sentence names the line of redis.conf and the way round; who accepts it says so in every answer."""
    options, line = REFUSED[case]
    with RedisServer(tmp_path, options=options) as server:
        strict, relaxed = LogHouse(server.url, accepts_relaxed=False), LogHouse(server.url, accepts_relaxed=True)

        with pytest.raises(ConfigurationError, match=line) as error:
            await strict.start()
        await relaxed.start()
        await relaxed.close()

        assert "PARLEY_LOG_DURABILITY=relaxed" in error.value.detail
        assert relaxed.log.durability == "relaxed"


async def test_a_server_that_evicts_is_refused(tmp_path: Path) -> None:
    """Nobody can accept that entries go which are not stored."""
    with RedisServer(tmp_path, options=("--maxmemory-policy", "volatile-lru")) as server:
        for accepts_relaxed in (False, True):
            with pytest.raises(ConfigurationError, match="'maxmemory-policy noeviction'"):
                await LogHouse(server.url, accepts_relaxed=accepts_relaxed).start()


async def test_a_server_that_syncs_is_queued(redis_server: RedisServer) -> None:
    """Also where the operator would accept less."""
    for accepts_relaxed in (False, True):
        house = LogHouse(redis_server.url, accepts_relaxed=accepts_relaxed)
        await house.start()
        await house.close()

        assert house.log.durability == "queued"


@pytest.mark.parametrize("way", ["renamed", "not permitted"])
async def test_the_operator_is_believed_where_settings_cannot_be_read(way: str, tmp_path: Path) -> None:
    """A managed server keeps CONFIG to itself: what the setting says is what answers say."""
    options = ("--rename-command", "CONFIG", "HIDDEN") if way == "renamed" else ()
    with RedisServer(tmp_path, aof="everysec", options=options) as server:
        url = server.url if way == "renamed" else add_user(server, "+@all", "-config")
        said = {}
        for accepts_relaxed in (False, True):
            async with log_house(url, accepts_relaxed=accepts_relaxed) as house:
                said[accepts_relaxed] = house.log.durability
                vitals = await house.keeper.examine(0, house.lives[0])

        assert said == {False: "queued", True: "relaxed"}
        assert not vitals.keeps_all


async def test_a_replica_is_refused(tmp_path: Path, redis_server: RedisServer) -> None:
    """It would refuse every append."""
    options = ("--replicaof", f"{HOST} {redis_server.port}")
    with RedisServer(tmp_path, options=options) as server, pytest.raises(ConfigurationError, match="replica"):
        await LogHouse(server.url).start()


async def test_a_server_that_is_away_or_refuses_us_is_named(tmp_path: Path) -> None:
    """At start, in a sentence; never as a traceback."""
    with RedisServer(tmp_path) as server:
        with plain_client(server) as client:
            client.config_set("requirepass", "pa55")
        for url in (server.url, f"redis://:wrong@{HOST}:{server.port}", f"unix://{tmp_path}/other.sock"):
            with pytest.raises(ConfigurationError, match="PARLEY_LOG_URL: the log does not answer"):
                await LogHouse(url).start()
    for url in (server.url, f"redis+sentinel://{HOST}:{server.port}/x", f"redis+cluster://{HOST}:{server.port}"):
        with pytest.raises(ConfigurationError, match="PARLEY_LOG_URL"):
            await LogHouse(url).start()


async def test_where_a_replica_may_be_promoted_answers_are_relaxed(tmp_path: Path, redis_server: RedisServer) -> None:
    """Refused unless it is accepted, whatever the servers sync; the two kinds of server are told apart."""
    with cluster_of_three(tmp_path) as nodes:
        cluster = f"redis+cluster://{HOST}:{nodes[0].port}"
        with pytest.raises(ConfigurationError, match="PARLEY_LOG_DURABILITY=relaxed"):
            await LogHouse(cluster, accepts_relaxed=False).start()
        with pytest.raises(ConfigurationError, match=r"redis\+cluster://"):
            await LogHouse(nodes[0].url).start()
    with pytest.raises(ConfigurationError, match="PARLEY_LOG_URL"):
        await LogHouse(f"redis+cluster://{HOST}:{redis_server.port}").start()


async def test_a_certificate_is_verified(tmp_path: Path) -> None:
    """A server that nobody vouches for is not spoken to."""
    with over_tls(tmp_path) as url, pytest.raises(ConfigurationError, match="certificate"):
        await LogHouse(url.partition("?")[0]).start()
