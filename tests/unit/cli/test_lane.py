"""A lane repeats a request, with the same key, until its outcome is known or patience ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import httpx
import pytest

from parley.cli.client import parse_url
from parley.cli.lane import GaveUpError, Lane, Patience, parse_retry_after

URL = parse_url("http://parley.test")

Step = httpx.Response | httpx.TransportError


class Clock:
    """Seconds that pass only by sleeping, which takes no time."""

    def __init__(self) -> None:
        """Start at 1000."""
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Give the present."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """Give a clock that nobody has slept by."""
    return Clock()


def patient(clock: Clock, give_up_after_s: float = 60) -> Patience:
    """Give patience by this clock."""
    return Patience(give_up_after_s, clock, Random(1), clock.sleep)


def scripted(steps: Sequence[Step], seen: list[httpx.Request]) -> httpx.MockTransport:
    """Answer with the steps in order, the last one for ever."""

    def play() -> Iterator[Step]:
        yield from steps
        while True:
            yield steps[-1]

    script = play()

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        step = next(script)
        if isinstance(step, httpx.TransportError):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, content=step.content)

    return httpx.MockTransport(handle)


async def send(steps: Sequence[Step], clock: Clock) -> list[httpx.Request]:
    """Send one POST through a lane and give the requests it took."""
    seen: list[httpx.Request] = []
    patience = patient(clock)
    async with Lane(URL, patience, transport=scripted(steps, seen), wall_clock=clock) as lane:
        answer = await lane.request("POST", "/x", content=b"{}", headers={"Idempotency-Key": "k1"})
    assert patience.trouble is None
    assert patience.retries == len(seen) - 1
    assert answer.status_code == 201
    return seen


@pytest.mark.parametrize(
    "step",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError(""),
        httpx.WriteError(""),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
        *(httpx.Response(status) for status in (408, 409, 429, 500, 502, 503, 504)),
    ],
    ids=lambda step: type(step).__name__ if isinstance(step, Exception) else str(step.status_code),
)
async def test_lane_sends_again_with_the_same_key(step: Step, clock: Clock) -> None:
    """No outcome, or one that may change: the same request goes out again."""
    seen = await send([step, step, httpx.Response(201)], clock)

    assert [(request.headers["Idempotency-Key"], request.content) for request in seen] == [("k1", b"{}")] * 3
    assert len(clock.slept) == 2


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 403, 404, 405, 413, 415, 422])
async def test_lane_gives_an_outcome_as_it_is(status: int, clock: Clock) -> None:
    """What would be the same again is not sent again."""
    seen: list[httpx.Request] = []
    transport = scripted([httpx.Response(status)], seen)

    async with Lane(URL, patient(clock), transport=transport, wall_clock=clock) as lane:
        answer = await lane.request("GET", "/x")

    assert (answer.status_code, len(seen), clock.slept) == (status, 1, [])


async def test_lane_waits_longer_each_time_up_to_a_second(clock: Clock) -> None:
    """Exponential with jitter, and bounded."""
    await send([httpx.ConnectError("refused")] * 9 + [httpx.Response(201)], clock)

    assert clock.slept[0] <= 0.05
    assert all(0.5 * min(1, 0.05 * 2**i) <= delay <= min(1, 0.05 * 2**i) for i, delay in enumerate(clock.slept))
    assert len(set(clock.slept)) == len(clock.slept)


async def test_lane_honours_retry_after(clock: Clock) -> None:
    """Never earlier than the server asked."""
    await send([httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(201)], clock)

    assert 7 <= clock.slept[0] <= 8


async def test_lane_gives_up_after_the_time_without_progress(clock: Clock) -> None:
    """The error names the last trouble; the time is kept even where Retry-After is longer."""
    answer = httpx.Response(503, headers={"Retry-After": "3600"}, content=b'{"code":"x","error":"Too much to do"}')

    with pytest.raises(GaveUpError, match=r"gave up after 60 s.*503 Too much to do"):
        await send([answer], clock)

    assert sum(clock.slept) == pytest.approx(60)


async def test_progress_of_others_keeps_a_lane_patient(clock: Clock) -> None:
    """Only a run in which nothing goes forward ends."""
    patience = patient(clock, 10)
    for attempt in range(20):
        clock.now += 9
        await patience.pause(attempt, 0, "busy")
        patience.progressed()

    clock.now += 11
    with pytest.raises(GaveUpError):
        await patience.pause(0, 0, "busy")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0),
        ("3", 3),
        ("Thu, 01 Jan 1970 00:17:00 GMT", 20),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", 0),
        ("-3", 0),
        ("٣", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str | None, seconds: float) -> None:
    """At 1970-01-01 00:16:40; nonsense means no wish."""
    assert parse_retry_after(text, 1000) == seconds
