"""Alternating rounds, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks.suite.cell import VoidError
from benchmarks.suite.result import Figure, Row, Spread, paired
from benchmarks.suite.sample import Sample, bottleneck_of, medians_us, spreads_ms

Samples = Mapping[str, Sequence[Sample]]

BASELINE: Final = "empty-granian"


def alternate(rounds: int, runs: Mapping[str, Callable[[], Sample]]) -> dict[str, list[Sample]]:
    """Run all in turn, each round beginning with another, so that none always comes after the same one."""
    names = list(runs)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            samples[name].append(runs[name]())
    return samples


def refuse_errors(sample: Sample, what: str) -> Sample:
    """Give the sample on.

    Raises:
        VoidError: an answer was not the expected one; a run that was refused something is no run.
    """
    if sample.errors:
        raise VoidError(f"{sample.errors:,} of {sample.answered:,} answers of {what} were not as expected")
    return sample


def void_of(samples: Sequence[Sample]) -> str:
    """Say why the rates of these rounds are no figure."""
    errors = sum(sample.errors for sample in samples)
    return f"{errors:,} answers were errors" if errors else bottleneck_of(samples)


def row(contender: str, closed: Sequence[Sample], opened: Sequence[Sample] = (), **facts: Any) -> Row:  # noqa: ANN401 - a row's own fields
    """Tell of one contender: its ceiling and, if it was also offered a rate, its percentiles."""
    samples = closed or opened
    late = bottleneck_of(opened)
    return Row(
        contender=contender,
        rate=Spread.of(sample.rate for sample in samples),
        cpu_us=medians_us(samples),
        generator_share=Spread.of(sample.generator_share for sample in samples).median,
        offered=opened[0].offered if opened else None,
        latency_ms=spreads_ms(opened) if opened and not late else {},
        void="; ".join(filter(None, (void_of(closed), late))),
        **facts,
    )


def against(name: str, samples: Samples, ours: str, theirs: str, void: str = "", **bound: float) -> Figure:
    """Compare two rates round by round."""
    rates = {who: [sample.rate for sample in samples[who]] for who in (ours, theirs)}
    peer = Spread.of(rates[theirs])
    return Figure(
        name=name, measured=paired(rates[ours], rates[theirs]), unit="×", peer=f"{theirs} {peer.median:,.0f}/s",
        void=void or void_of(samples[ours]) or void_of(samples[theirs]), **bound,
    )  # fmt: skip


def unfit(peer: str, samples: Samples, expected: tuple[float, float] | None) -> str:
    """Say why a peer does not count: it stays below its range beside the empty handler of the same rounds."""
    if expected is None:
        return ""
    least, most = expected
    share = paired([each.rate for each in samples[peer]], [each.rate for each in samples[BASELINE]]).median
    if share >= least:
        return ""
    return f"{peer} did {share:.2f} of {BASELINE}, below its range of {least:.2f}-{most:.2f}: the pairing is void"
