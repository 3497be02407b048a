"""Recorded answers: bodies that are not what RFC 8259 calls JSON, or nearly so. Sent to POST messages."""

from __future__ import annotations

from tests.api.recorded.cases import MESSAGES, NOT_JSON, Alike, Case, Created, Problem, dumps, message

HI = message(body="hi")


def _raw(name: str, body: bytes, answer: Created | Problem | Alike = NOT_JSON) -> Case:
    return Case(name, MESSAGES, answer, body)


def _beside(name: str, unknown: bytes, answer: Created | Problem | Alike = NOT_JSON) -> Case:
    """Make a case with a good body beside an unknown member with this value."""
    return _raw(name, b'{"body":"hi","x":' + unknown + b"}", answer)


def _nested(levels: int) -> bytes:
    """Make a message whose deepest bracket is on this level; the outer object is level 1."""
    return b"[" * (levels - 1) + b"]" * (levels - 1)


SYNTAX = [
    _raw("cut-off", b'{"body":"hi"'),
    _raw("cut-off-in-a-string", b'{"body":"hi'),
    _raw("cut-off-after-a-colon", b'{"body":'),
    _raw("only-a-brace", b"{"),
    _raw("only-white-space", b" \n"),
    _raw("trailing-bytes", b'{"body":"hi"} x'),
    _raw("trailing-object", b'{"body":"hi"}{"body":"ho"}'),
    _raw("trailing-brace", b'{"body":"hi"}}'),
    _raw("trailing-comma", b'{"body":"hi",}'),
    _raw("trailing-nul", b'{"body":"hi"}\0'),
    _raw("single-quotes", b"{'body':'hi'}"),
    _raw("bare-name", b'{body:"hi"}'),
    _raw("comment", b'{"body":"hi" /* no */}'),
    _raw("form-feed-as-white-space", b'\x0c{"body":"hi"}'),
    _raw("no-break-space-as-white-space", b'\xc2\xa0{"body":"hi"}'),
    _raw("raw-line-break-in-a-string", b'{"body":"a\nb"}'),
    _raw("raw-nul-in-a-string", b'{"body":"a\0b"}'),
    _raw("bad-escape", b'{"body":"\\x41"}'),
    _raw("short-escape", b'{"body":"\\u12"}'),
    _raw("form-encoded", b"body=hi"),
    _raw("number-as-a-name", b'{1:"hi"}'),
    _raw("top-level-list", b'[{"body":"hi"}]'),
    _raw("top-level-string", b'"hi"'),
    _raw("top-level-null", b"null"),
    _raw("top-level-number", b"1"),
    _raw("top-level-true", b"true"),
    _raw("wrapper-a-string", b'{"message":"hi"}'),
    _raw("wrapper-a-list", b'{"message":[{"body":"hi"}]}'),
    _raw("wrapper-null-beside-flat", b'{"body":"hi","message":null}'),
    _raw("wrapper-a-number-beside-flat", b'{"body":"hi","message":7}'),
    _beside("nan", b"NaN"),
    _beside("infinity", b"Infinity"),
    _beside("minus-infinity", b"-Infinity"),
    _beside("leading-zero", b"01"),
    _beside("plus-sign", b"+1"),
    _beside("no-digit-before-the-point", b".5"),
    _beside("no-digit-after-the-point", b"1."),
    _beside("hexadecimal", b"0x10"),
    _beside("python-true", b"True"),
    _raw("nan-in-metadata", b'{"body":"hi","metadata":{"n":NaN}}'),
    _beside("unknown-1e400", b"1e400", HI),
    _beside("unknown-400-digits", b"9" * 400, HI),
    _beside("unknown-5000-digits", b"9" * 5_000, HI),
    _beside("unknown-minus-0", b"-0", HI),
    _beside("unknown-del-and-c1", b'"\x7f\xc2\x85"', HI),
]

ENCODING = [
    _raw("utf-8-bom", b"\xef\xbb\xbf" + b'{"body":"hi"}'),
    _raw("utf-16-with-bom", '{"body":"hi"}'.encode("utf-16")),
    _raw("utf-16-without-bom", '{"body":"hi"}'.encode("utf-16-le")),
    _raw("utf-32", '{"body":"hi"}'.encode("utf-32")),
    _raw("latin-1", '{"body":"é"}'.encode("latin-1")),
    _raw("bad-byte", b'{"body":"a\xffb"}'),
    _raw("bad-byte-in-a-member-name", b'{"body":"hi","\xff":1}'),
    _raw("bad-byte-outside-of-strings", b'{"body":"hi"\xff}'),
    _raw("bad-byte-in-metadata", b'{"body":"hi","metadata":{"a":"\xc3"}}'),
    _raw("bad-byte-beside-the-wrapper", b'{"x":"\xff","message":{"body":"hi"}}'),
    _beside("unknown-bad-byte", b'"\xff"'),
    _beside("unknown-cut-sequence", b'"\xe2\x82"'),
    _beside("unknown-overlong", b'"\xc0\x80"'),
    _beside("unknown-encoded-surrogate", b'"\xed\xa0\x80"'),
    _beside("unknown-above-10ffff", b'"\xf4\x90\x80\x80"'),
    _raw("lone-high-surrogate", b'{"body":"\\ud800"}'),
    _raw("lone-low-surrogate", b'{"body":"a\\udc00b"}'),
    _raw("reversed-surrogates", b'{"body":"\\udf63\\ud83c"}'),
    _raw("high-surrogate-at-the-end-of-a-pair", b'{"body":"\\ud83c\\ud83c\\udf63"}'),
    _raw("lone-surrogate-in-metadata", b'{"body":"hi","metadata":{"a":"\\uD800"}}'),
    _raw("lone-surrogate-in-a-metadata-name", b'{"body":"hi","metadata":{"\\uDfff":1}}'),
    _raw("lone-surrogate-in-a-member-name", b'{"body":"hi","\\ud800":1}'),
    _beside("unknown-lone-surrogate", b'"\\ud800"'),
    _beside("unknown-lone-surrogate-deep", b'[{"a":["\\udfff"]}]'),
    _beside("unknown-surrogate-behind-escaped-backslash", b'"\\\\\\ud800"'),
    _beside("unknown-escaped-backslash-before-u", b'"\\\\ud800"', HI),
    _beside("unknown-pair", b'"\\ud83c\\udf63"', HI),
]

DEPTH = [
    _raw("100000-brackets", b"[" * 100_000),
    _raw("100000-braces", b'{"a":' * 100_000),
    _beside("unknown-100000-brackets", b"[" * 100_000),
    _beside("unknown-100000-balanced-brackets", b"[" * 100_000 + b"]" * 100_000),
    _raw("metadata-100000-brackets", b'{"body":"hi","metadata":{"a":' + b"[" * 100_000),
    _beside("unknown-to-64-levels", _nested(64), HI),
    _beside("unknown-to-65-levels", _nested(65)),
    _beside("unknown-brackets-in-a-string", dumps("[{" * 1_000), HI),
    _beside("unknown-brackets-after-an-escaped-quote", b'"\\"' + b"[" * 100 + b'"', HI),
    _raw("metadata-to-64-levels", b'{"body":"hi","metadata":{"a":' + _nested(63) + b"}}", Alike((201,))),
    _raw("metadata-to-65-levels", b'{"body":"hi","metadata":{"a":' + _nested(64) + b"}}"),
    _raw("many-brackets-side-by-side", b'{"body":"hi","x":[' + b",".join([b"[]"] * 1_000) + b"]}", HI),
]

CASES = SYNTAX + ENCODING + DEPTH
