"""Operations, members and errors as HTML, from the same tables as the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

from parley.http.docs.samples import sample
from parley.http.openapi.answers import REFUSALS
from parley.http.openapi.bodies import MEMBERS
from parley.http.openapi.document import TAGS
from parley.http.openapi.parameters import HEADER_PARAMETERS, PATH_PARAMETERS, QUERIES, REQUIRED
from parley.http.operations import OPERATIONS, Operation

Schema = dict[str, Any]


def render_navigation() -> str:
    """List the operations by what they are about."""
    parts = []
    for tag in TAGS:
        entries = "".join(
            f'<li><a href="#{operation.name}">{_method(operation.methods[0])}{escape(operation.summary)}</a></li>\n'
            for operation in _of(tag)
        )
        parts.append(f"<h2>{tag.capitalize()}</h2>\n<ul>\n{entries}</ul>\n")
    return "".join(parts)


def render_operations() -> str:
    """Describe every operation."""
    return "".join(
        f'<section id="{tag}" aria-labelledby="{tag}-title">\n<h2 id="{tag}-title">{tag.capitalize()}</h2>\n'
        f"<p>{escape(description)}</p>\n{''.join(map(_operation, _of(tag)))}</section>\n"
        for tag, description in TAGS.items()
    )


def render_refusals() -> str:
    """List statuses and codes."""
    rows = [
        (str(status) if first else "", f"<code>{code}</code>", _prose(meaning))
        for status, refusal in REFUSALS.items()
        for first, (code, meaning) in _with_first(refusal.codes.items())
    ]
    return _table(("Status", "Code", "When"), rows)


def _of(tag: str) -> list[Operation]:
    return [operation for operation in OPERATIONS if operation.tag == tag]


def _operation(operation: Operation) -> str:
    marks = _mark("both ports", shown=operation.is_create) + _mark("admin", shown=operation.needs_admin)
    calls = "".join(
        f'<p class="call">{_method(method)} <code>{escape(operation.documented_path)}</code>{marks}</p>\n'
        for method in operation.methods
    )
    about = f"<p>{_prose(operation.description)}</p>\n" if operation.description else ""
    return (
        f'<article class="operation" id="{operation.name}">\n<h3>{escape(operation.summary)}</h3>\n{calls}{about}'
        f"<pre><code>{escape(_curl(operation))}</code></pre>\n{_inputs(operation)}{_answers(operation)}</article>\n"
    )


def _curl(operation: Operation) -> str:
    path = operation.documented_path.replace("{token}", "$TOKEN").replace("{chat}", "1").replace("{number}", "1")
    if operation.query is not None:
        path += "?q=hello" if "q" in QUERIES[operation.query] else "?limit=10"
    quoted = f"$API{path}" if "?" not in path else f'"$API{path}"'
    method = operation.methods[0]
    verb = "" if method == "GET" or (method == "POST" and operation.example) else f"-X {method} "
    data = f" \\\n  -H 'Content-Type: application/json' \\\n  -d '{operation.example}'" if operation.example else ""
    return f"curl {verb}{quoted}{data}"


def _inputs(operation: Operation) -> str:
    rows = [_input(name, PATH_PARAMETERS[name], "path") for name in re.findall(r"\{(\w+)\}", operation.path)]
    for name, schema in QUERIES.get(operation.query or "", {}).items():
        rows.append((f"<code>{name}</code>", "query", _text(schema, is_needed=name in REQUIRED)))
    for name, (schema, is_needed) in MEMBERS.get(operation.body or "", {}).items():
        rows.append((f"<code>{name}</code>", "body", _text(schema, is_needed=is_needed)))
    rows += [_input(name, HEADER_PARAMETERS[name], "header") for name in operation.headers]
    return "<h4>Request</h4>\n" + _table(("Name", "In", "What"), rows)


def _input(name: str, parameter: Schema, place: str) -> tuple[str, str, str]:
    return f"<code>{name}</code>", place, _prose(parameter["description"])


def _text(schema: Schema, *, is_needed: bool) -> str:
    return _prose(schema["description"] + (" Required." if is_needed else ""))


def _answers(operation: Operation) -> str:
    good = operation.good
    headers = ", ".join(f"<code>{name}</code>" for name in good.headers)
    rows = [(str(good.status), _prose(good.description) + (f" With {headers}." if headers else ""))]
    if "ETag" in good.headers:
        rows.append(("304", "The client has it already."))
    rows += [(str(status), _prose(REFUSALS[status].description)) for status in sorted(operation.errors)]
    shown = sample(good.schema or "", is_list=good.is_list)
    example = f"<pre><code>{escape(shown, quote=False)}</code></pre>\n" if shown else ""
    return f"<h4>Answers</h4>\n{example}{_table(('Status', 'What'), rows)}"


def _method(method: str) -> str:
    return f'<span class="method {method.lower()}">{method}</span>'


def _mark(text: str, *, shown: bool) -> str:
    return f' <span class="mark">{text}</span>' if shown else ""


def _prose(text: str) -> str:
    """Escape a sentence and show what stands between backticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _with_first(items: Iterable[tuple[str, str]]) -> Iterable[tuple[bool, tuple[str, str]]]:
    return ((index == 0, item) for index, item in enumerate(items))
