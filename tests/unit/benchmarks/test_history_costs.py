"""How costs on a history are timed, compared and judged."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.history.asking import Latencies, get, post, summed_up, time_all
from benchmarks.history.ends import Ratios, Round, compare_ends
from benchmarks.history.growing import Plan, plan_stage
from benchmarks.history.measures import History
from benchmarks.history.shape import APPLICATIONS
from benchmarks.history.store import Took
from benchmarks.history.verdict import Verdict, judge
from benchmarks.history.words import Talk

LARGE_BODY = b"x" * 700_000


class Service(ThreadingHTTPServer):
    """Answers over keep-alive connections, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a loopback port."""
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[str] = []


class Answers(BaseHTTPRequestHandler):
    """A small answer, a large one, none, or a refusal, by path."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """An answer leaves in one piece: two would wait for each other's acknowledgement."""
    server: Service

    def do_GET(self) -> None:
        """Answer a read."""
        self.server.asked.append(self.path)
        self._answer(503 if self.path == "/away" else 200, LARGE_BODY if self.path == "/large" else b"{}")

    def do_POST(self) -> None:
        """Answer a write with what was sent."""
        self._answer(201, self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def service() -> Iterator[Service]:
    """Give a service that answers."""
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url_of(service: Service) -> str:
    """Give its address."""
    return f"http://127.0.0.1:{service.server_port}"


def test_answers_of_all_sizes_are_read_whole_on_one_connection(service: Service) -> None:
    """What is left of one answer would be taken for the next."""
    requests = [get("/small"), get("/large"), post("/", {"body": "hi"}), get("/small", q="a b&c")] * 5
    latencies = time_all(url_of(service), requests, warmups=4)
    assert latencies.asked == 16
    assert 0 < latencies.p50 <= latencies.p99
    assert service.asked[:3] == ["/small", "/large", "/small?q=a%20b%26c"]
    assert len(service.asked) == 15


def test_an_answer_that_is_no_success_is_no_latency(service: Service) -> None:
    """A quick refusal would look like a quick answer."""
    with pytest.raises(RuntimeError, match="/away"):
        time_all(url_of(service), [get("/small"), get("/away")])


def test_percentiles_are_those_of_the_sorted_times() -> None:
    """In whatever order they came."""
    assert summed_up(range(1_000, 0, -1)) == Latencies(1_000, 501, 991)


def test_both_ends_are_read_equally_often_in_turns(service: Service) -> None:
    """What disturbs the machine disturbs both."""
    history = History(Talk(1, 1_000), ["token"] * APPLICATIONS, [], 10_000)
    ratios = compare_ends(url_of(service), history, rounds=3, reads=20)
    assert [len(each) for each in ratios] == [3, 3, 3, 3]
    last = [path for path in service.asked if "before=1001" in path]
    assert len(service.asked) == 3 * len(last) == 3 * (300 + 3 * 20)
    assert {path.partition("?")[0] for path in service.asked} == {"/api/v1/applications/token/chats/1/messages"}


def test_ratios_are_those_of_the_last_page_and_the_repeated_first_by_the_first() -> None:
    """p50 and p99 each."""
    a_round = Round(first=Latencies(1, 2.0, 4.0), again=Latencies(1, 2.0, 5.0), last=Latencies(1, 3.0, 2.0))
    assert a_round.ratios() == (1.5, 0.5, 1.0, 1.25)


@pytest.mark.parametrize(
    ("p50", "p99", "is_met"), [([1.0, 1.1, 3.0], [1.25], True), ([1.11], [1.0], False), ([1.0], [1.3, 1.3, 1.0], False)]
)
def test_the_ends_are_as_quick_if_both_medians_keep_within_their_bounds(
    p50: list[float],
    p99: list[float],
    is_met: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """One bad round does not decide."""
    assert Ratios(p50, p99, [], []).is_met is is_met


@pytest.mark.parametrize(
    ("costs", "verdict"),
    [
        ([9, 10, 10, 14], "flat"),
        ([9, 10, 12, 15], "flat"),
        ([9, 10, 13, 16], "logarithmic"),
        ([9, 10, 11, 16], "grows"),
        ([1, 10, 100, 1_000], "grows"),
        ([9, 3, 2, 1], "flat"),
    ],
)
def test_a_curve_is_judged_by_its_last_two_decades(costs: list[float], verdict: Verdict) -> None:
    """Flat, or each decade adds as much as the one before, or worse."""
    assert judge(dict(zip((10_000, 100_000, 1_000_000, 10_000_000), costs, strict=True))) == verdict


def test_a_curve_of_less_than_two_decades_is_not_judged() -> None:
    """Nothing is said that was not seen."""
    assert judge({10_000: 1.0, 100_000: 1.0}) == "too few points"


@pytest.mark.parametrize(
    ("left_s", "is_indexed", "plan"),
    [
        (300.0, True, Plan(stores=True, indexes=True)),
        (299.0, True, Plan(stores=True, indexes=False)),
        (300.0, False, Plan(stores=True, indexes=False)),
        (99.0, True, Plan(stores=False, indexes=False)),
    ],
)
def test_what_would_take_too_long_is_left_out_the_index_first(
    left_s: float,
    is_indexed: bool,  # noqa: FBT001 - a parameter of the test
    plan: Plan,
) -> None:
    """A stage is ten times as large as the one before it."""
    assert plan_stage(Took(load_s=10, index_s=20), left_s, is_indexed=is_indexed) == plan
