"""Pieces of input that mean something to one parser or another."""

from __future__ import annotations

from typing import Final

JSON: Final = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b'"body"', b'{"body":"a"', b'{"messages":[{"body":"a"}]', b"\\",
    b"\\u0000", b"\\ud800", b"1", b"-", b"e9", b"1e999", b"null", b"NaN", b" ", b"\xff", b"\x00",
    b"\xef\xbb\xbf", b'{"body":"a","metadata":{', b'"metadata":', b'"message":{',
)  # fmt: skip
QUERY: Final = (
    b"limit=", b"after=", b"before=", b"q=", b"query=", b"&", b"=", b"+", b"%", b"%00", b"%ff", b"%ED%A0%80",
    b"0", b"9", b"-1", b"MTo3", b"a",
)  # fmt: skip
URL: Final = (
    b"redis://", b"redis+sentinel://", b"redis+cluster://", b"unix://", b"mysql://", b"https://", b"u:p@", b"@",
    b":", b"/", b"?", b"#", b"[", b"]", b"::1", b"host", b"host/db", b",", b"%00", b"%", b"=", b"prefix=",
    b"ssl=on", b"shards=1", b"\xe2\x84\x80", b"0", b"65536",
)  # fmt: skip
FIELDS: Final = (
    b"\r\n", b"\r\nHost: a", b"\r\nContent-Length: 5", b"\r\nTransfer-Encoding: chunked",
    b"\r\nIdempotency-Key: ", b"\r\n\r\n", b"\r\nX: ", b" ", b"\t", b":", b",", b"a", b"\x00", b"\n", b"\xff",
    b"\r\nExpect: 100-continue", b"\r\nConnection: close,",
)  # fmt: skip
LINES: Final = (
    b"GET ", b"POST /", b"/", b"?", b"#", b"%", b"%2f", b"%zz", b"*", b"http://", b"a@", b":", b" ",
    b" HTTP/1.1", b" HTTP/", b"1.0", b"\r", b"\n", b"\r\n", b"\x00", b"\xff",
)  # fmt: skip
HEADERS: Final = (
    b"wait", b"wait=",
    b"=", b'"', b"0", b"9", b",", b";", b" ", b"\t", b"\\", b"x", b"W/", b'"a"', b"*", b"\xff", b"\x00",
)  # fmt: skip
TEXTS: Final = tuple(
    piece.encode()
    for piece in ("a", " ", "\u200b", "\u0301", "\u0316", "\u0301\u0316", "\u0f73", "\u0345", "\uac00", "\ufb03")
)
PATHS: Final = (
    b"/", b"/api/v1/", b"applications", b"/chats", b"/messages", b"bulk", b"1", b"%", b"a", b"\xc3\xa9",
)  # fmt: skip
MSGPACK: Final = (
    b"\x81\xa1x", b"\x91", b"\xc0", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
    b"\xc1", b"\xd9\x05", b"\x85\xa5token\xa1t\xa4chat\x01\xa4what\x82\xa4type\xafmessages_posted\xa8messages",
    b"\xa6number", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
)  # fmt: skip
