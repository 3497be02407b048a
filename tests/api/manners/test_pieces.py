"""The same bytes in other pieces."""

from __future__ import annotations

import random
import socket

import pytest

from tests.support.malformed import BAD_FIELDS, BAD_LINES
from tests.support.manners import POST, Service, fields


def _pieces(data: bytes, random_: random.Random) -> list[bytes]:
    cuts = sorted(random_.randrange(len(data)) for _ in range(random_.choice([1, 3, 20])))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]


def _told(service: Service, pieces: list[bytes]) -> list[tuple[int, bytes]]:
    with service.connect() as client:
        client.send_pieces(pieces)
        client.socket.shutdown(socket.SHUT_WR)
        answers = []
        try:
            while True:
                answer = client.answer()
                if answer.status != 100:
                    told = answer.json
                    answers.append((answer.status, told.get("body") or told.get("detail")))
        except ConnectionError:
            return answers


CODED = (b"Host: a", b"Transfer-Encoding: chunked")
GOOD = [
    POST,
    b"\r\n" + POST,
    POST.replace(b"Host", b"Connection: upgrade\r\nUpgrade: h2c\r\nHost"),
    POST.replace(b"POST /echo", b"BREW /nowhere"),
    fields(*CODED, body=b"2;x\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n"),
]
BAD = [
    *(fields(*lines, body=b"hello") for lines in BAD_FIELDS.values()),
    *(fields(b"Host: a", line=line) for line in BAD_LINES.values()),
    b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
    fields(b"Host: a", b"X: " + b"y" * 17000),
    fields(b"Host: a", *[b"A: b"] * 101),
    b"GET /health HTTP/1.1\nHost: a\n\n",
    fields(*CODED, body=b"5\r\nhelloo\r\n0\r\n\r\n"),
]


@pytest.mark.parametrize("seed", range(8))
def test_pieces_make_no_difference(service: Service, seed: int) -> None:
    """Good and bad requests in a row get the same answers, however the bytes are cut into packets."""
    random_ = random.Random(seed)
    for _ in range(10):
        data = b"".join([*random_.choices(GOOD, k=random_.randrange(4)), random_.choice(BAD), POST])

        whole = _told(service, [data])

        assert whole
        for _ in range(2):
            assert _told(service, _pieces(data, random_)) == whole
