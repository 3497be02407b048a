"""The requests of a connection that have no answer yet, in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from parley.http.problems import CONTENT_TYPE, problem
from parley.http.wire.answers import CLOSE, KEEP_ALIVE, header_lines, render, without_body
from parley.http.wire.framing import RefusedError
from parley.http.wire.request import Request

Observe = Callable[[Request, int, float], None]
"""Told of each answer as it is written: the request, its status, and the milliseconds it took."""


class Unanswered:
    """A queue that gives answers only when those before them have been given."""

    __slots__ = ("_observe", "_requests", "held_bytes")

    def __init__(self, observe: Observe) -> None:
        """Begin empty; ``observe`` is told of what is answered."""
        self._observe = observe
        self._requests: deque[Request] = deque()
        self.held_bytes = 0
        """Bodies of what is unanswered, and of answers whose turn has not come."""

    def __len__(self) -> int:
        """Count the requests."""
        return len(self._requests)

    def add(self, request: Request) -> None:
        """Put a request at the end."""
        self._requests.append(request)
        self.held_bytes += len(request.body)

    def add_refused(self, request: Request, refusal: RefusedError) -> None:
        """Put a request at the end that the application never sees; it is the last."""
        headers = [CONTENT_TYPE]
        if refusal.retry_after_s is not None:
            headers.append((b"Retry-After", b"%d" % refusal.retry_after_s))
        body = problem(refusal.status, refusal.code, refusal.detail, request.request_id)
        request.last = True
        request.answer = (refusal.status, header_lines(headers), body)
        self.held_bytes += len(body)
        self._requests.append(request)

    def answered(self, request: Request) -> bool:
        """Count an answer that has come; tell whether it is its turn."""
        if request.answer is not None:
            self.held_bytes += len(request.answer[2])
        return request is self._requests[0]

    @property
    def is_answered(self) -> bool:
        """Whether the first one has its answer."""
        return bool(self._requests) and self._requests[0].answer is not None

    def take(self, now: float, date_line: bytes, *, is_ending: bool) -> tuple[list[bytes], bool]:
        """Take the answers whose turn has come, as bytes; tell whether the last of the connection is among them.

        ``is_ending`` says that no further request will be taken in.
        """
        requests, last = self._requests, False
        taken: list[bytes] = []
        while requests and not last and (answer := requests[0].answer) is not None:
            request = requests.popleft()
            self.held_bytes -= len(request.body) + len(answer[2])
            last = request.last or (is_ending and not requests)
            connection = CLOSE if last else b"" if request.minor else KEEP_ALIVE
            spent_ms = (now - request.started) * 1000 if request.started else 0
            rendered = render(answer, date_line, request.request_id, spent_ms, connection)
            self._observe(request, answer[0], spent_ms)
            taken.append(without_body(rendered) if request.method == "HEAD" else rendered)
        return taken, last

    def forget(self) -> None:
        """Drop all, for the client has gone, and tell those who still work on an answer."""
        for request in self._requests:
            if request.on_lost is not None:
                request.on_lost()
        self._requests.clear()
