"""Creates on the write service with the workers stopped, against every peer, and what their CPU goes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from benchmarks.peers.catalogue import PEERS as CATALOGUE
from benchmarks.stage.folder import work_folder
from benchmarks.stage.peers import RunningPeer, running_peers, settings
from benchmarks.stage.servers import Servers
from benchmarks.stage.tenants import APPLICATIONS
from benchmarks.suite.cell import Cell
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import SHARE, Keys, create, offer_creates
from benchmarks.suite.result import Figure, Result, Row, Spread, paired
from benchmarks.suite.rounds import Samples, against, alternate, refuse_errors, row, unfit
from benchmarks.suite.sample import Sample
from tests.support.engines.redis import Fsync

OURS: Final = "parley"
PLAIN: Final = "parley, not compiled"
PEERS: Final = ("usual", "grouped", "empty-granian")
MORE_PEERS: Final = ("ordinary", "empty-wire")
OFFERED: Final = ("parley", "usual", "grouped")
AHEAD: Final[Mapping[tuple[Fsync, Keys], Mapping[str, float]]] = {
    ("everysec", "none"): {"usual": 2.5, "grouped": 1.0},
    ("everysec", "keys"): {"usual": 1.8},
    ("always", "none"): {"usual": 2.0, "grouped": 1.0},
    ("always", "keys"): {},
}
"""How many times a peer's rate a create has to do."""
WHOLE_FIELD: Final = ("everysec", "none")
"""Where the source is measured too, and more peers."""
P99_MOST: Final = 0.5
CPU_US_MOST: Final = 25


class Field:
    """The product with its workers stopped, compiled and perhaps also not, and its peers."""

    def __init__(self, servers: Servers, peers: Mapping[str, RunningPeer], keys: Keys, *, with_plain: bool) -> None:
        """Take what runs."""
        self._servers = servers
        self._ours = {OURS: servers.target(), **({PLAIN: servers.source()} if with_plain else {})}
        self._peers = peers
        self._keys = keys

    def closed(self) -> dict[str, Callable[[], Sample]]:
        """Give a closed loop against each."""
        return {name: partial(self._run, name, create, keys=self._keys) for name in (*self._ours, *self._peers)}

    def offered(self, rate: float, names: Sequence[str]) -> dict[str, Callable[[], Sample]]:
        """Give an open loop against some, all at one rate."""
        return {name: partial(self._run, name, offer_creates, rate=rate, keys=self._keys) for name in names}

    def _run(self, name: str, load: Callable[..., Sample], **how: Any) -> Sample:  # noqa: ANN401 - passed on
        if name in self._ours:
            sample = load(self._ours[name], **how)
            self._servers.settle(refuse_errors(sample, "a burst"))
        else:
            peer = self._peers[name]
            sample = load(peer.target(), **how)
            peer.settle(sample)
        return sample


def measure(aof: Fsync, keys: Keys) -> Mapping[str, object]:
    """Measure ceilings, then percentiles at 60 % of the slowest of those that are compared, then our own at 60 %."""
    is_whole = (aof, keys) == WHOLE_FIELD
    names = (*PEERS, *MORE_PEERS) if is_whole else PEERS
    with (
        work_folder() as folder,
        Servers(folder, aof=aof) as servers,
        running_peers(folder, names, servers.tokens, aof) as peers,
    ):
        field = Field(servers, peers, keys, with_plain=is_whole)
        closed = alternate(effort().rounds, field.closed())
        ceiling = {name: Spread.of(sample.rate for sample in closed[name]).median for name in OFFERED}
        slowest = min(ceiling.values())
        beside = alternate(effort().rounds, field.offered(SHARE * slowest, OFFERED))
        own = beside if ceiling[OURS] == slowest else alternate(
            effort().rounds, field.offered(SHARE * ceiling[OURS], (OURS,))
        )  # fmt: skip
        told = {"connections": servers.settings(), **settings(names)}
        versions = servers.versions()
    durability = "relaxed (everysec)" if aof == "everysec" else "queued (always)"
    facts: dict[str, Any] = {
        "work": "create",
        "mode": "burst",
        "applications": APPLICATIONS,
        "keys": keys,
        "durability": durability,
    }
    rows = [row(name, closed[name], beside.get(name, ()), is_ours=name in (OURS, PLAIN), **facts) for name in closed]
    rows.append(row(OURS, (), own[OURS], is_ours=True, **{**facts, "work": "create, 60 % of its own ceiling"}))
    return Result(rows=rows, figures=figures(aof, keys, closed, beside, rows), settings=told, versions=versions).plain()


def figures(aof: Fsync, keys: Keys, closed: Samples, beside: Samples, rows: Sequence[Row]) -> list[Figure]:
    """Compare with the goals; a peer below its range makes its pairing void, where its range is known."""
    told = []
    for peer in ("usual", "grouped", "ordinary"):
        if peer in closed:
            is_known = aof == "everysec" and (keys == "none" or peer == "usual")
            void = unfit(peer, closed, CATALOGUE[peer].expected if is_known else None)
            least = AHEAD[aof, keys].get(peer)
            bound = {} if least is None else {"at_least": least}
            told.append(against(f"creates against {peer}", closed, OURS, peer, void, **bound))
    if (aof, keys) == WHOLE_FIELD:
        told += [late(closed, beside), cpu(closed, rows), against("creates against the source", closed, OURS, PLAIN)]
    return told


def late(closed: Samples, beside: Samples) -> Figure:
    """Compare the p99s at one offered rate."""
    p99 = {name: [sample.latency_ms["p99"] for sample in beside[name]] for name in (OURS, "usual")}
    bottleneck = next((sample.bottleneck for name in p99 for sample in beside[name] if sample.bottleneck), "")
    return Figure(
        name="p99 against usual, at 60 % of the slower ceiling", unit="×", at_most=P99_MOST,
        measured=paired(p99[OURS], p99["usual"]), peer=f"usual {Spread.of(p99['usual']).median:.2f} ms",
        void=unfit("usual", closed, CATALOGUE["usual"].expected) or bottleneck,
    )  # fmt: skip


def cpu(closed: Samples, rows: Sequence[Row]) -> Figure:
    """Give the write service's CPU beside the no-op's on the same parser; a busy generator does not change it."""
    noop = next(each.cpu_us["service"] for each in rows if each.contender == "empty-wire")
    return Figure(
        name="service CPU per create", unit="µs", at_most=CPU_US_MOST,
        measured=Spread.of(sample.cpu_us("service") for sample in closed[OURS]), peer=f"empty-wire {noop:.1f} µs",
    )  # fmt: skip


CELLS: Final = tuple(
    Cell(
        f"creates-{aof}-{keys}", f"Creates, AOF {aof}, 64 connections, {'100' if keys == 'keys' else '0'} % keys",
        "bench", 250 if (aof, keys) == WHOLE_FIELD else 190, partial(measure, aof, keys),
    )
    for aof in ("everysec", "always")
    for keys in ("none", "keys")
)  # fmt: skip
