"""Any bytes: a parser gives what it promises or refuses as it says, and its time grows with the length."""

from __future__ import annotations

import ast
import re
import time
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.parsers.table import NOT_PARSERS, PARSERS, Parser
from tests.unit.test_house import SOURCE, modules, tree

NAMED_LIKE_A_PARSER = re.compile(r"(read|parse|decode)_")
TAKES_TEXT = re.compile(
    r"\b(bytes|str|Exchange|Parameters|Object|Line|BinaryIO|Response|DeadLetter|Mapping|object|Sequence)\b"
)
MOST_CPU_S = 1.0
"""Longer than anything linear takes here by far; what grows with the square takes 10 s and more at these lengths."""

EACH = pytest.mark.parametrize("parser", PARSERS, ids=[parser.name for parser in PARSERS])


def outcome(parser: Parser, data: bytes) -> object:
    """Parse, and check what came out."""
    try:
        result = parser.parse(data)
    except parser.refusals as refusal:
        return type(refusal)
    assert result is None or parser.holds(result), (data, result)
    return result


def test_every_parser_is_in_the_table() -> None:
    """Whatever a module offers as read_, parse_ or decode_ and takes text or bytes, or there is a reason why not."""
    named = {
        ".".join((*path.relative_to(SOURCE).with_suffix("").parts, node.name)).replace(".__init__", "")
        for path in modules(SOURCE)
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
        and NAMED_LIKE_A_PARSER.match(node.name)
        and TAKES_TEXT.search(ast.unparse(node.args))
    }
    listed = {parser.name for parser in PARSERS}

    assert len(named) > 30
    assert named <= listed | NOT_PARSERS.keys(), named - listed - NOT_PARSERS.keys()
    assert NOT_PARSERS.keys() <= named, NOT_PARSERS.keys() - named
    assert not listed & NOT_PARSERS.keys()


@EACH
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_bytes_are_read_or_refused(parser: Parser, data: st.DataObject) -> None:
    """Pieces that mean something in any order, and bytes that mean nothing."""
    pieces = st.one_of(st.sampled_from(parser.fragments), st.binary(max_size=6))

    outcome(parser, b"".join(data.draw(st.lists(pieces, max_size=16))))


@EACH
def test_the_longest_input_takes_no_time_to_speak_of(parser: Parser) -> None:
    """Each piece repeated up to the bound, behind and before others: nothing takes the square of its length."""
    for before, piece in product((b"", *parser.fragments), parser.fragments):
        for after in (b"", b"x"):
            data = (before + piece * (parser.longest // len(piece)))[: parser.longest - len(after)] + after
            began = time.thread_time()
            outcome(parser, data)
            spent_s = time.thread_time() - began

            assert spent_s < MOST_CPU_S, f"{spent_s:.1f} s for {before!r}, {piece!r} repeated, {after!r}"
