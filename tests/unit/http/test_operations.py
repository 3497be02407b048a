"""One table of operations: routes, document and page say the same."""

from __future__ import annotations

import re

from parley.domain import errors
from parley.http.docs import render_page
from parley.http.openapi import build_document
from parley.http.openapi.answers import REFUSALS
from parley.http.operations import OPERATIONS
from parley.http.paths import read_create_path
from parley.http.services import Services
from parley.http.v1.app import build_app

Calls = set[tuple[str, str]]


def _documented(*, creates: bool) -> Calls:
    return {
        (method, path)
        for operation in OPERATIONS
        if operation.is_create is creates
        for method in operation.methods
        for path in operation.paths
    }


def test_every_operation_has_its_routes_and_every_route_its_operation(services: Services) -> None:
    """GET stands for HEAD too, and every path has OPTIONS; apart from that nothing is missing either way."""
    app = build_app(services)

    routed = {
        (method, re.sub(r":str\}", "}", route.path)) for route in app.routes for method in getattr(route, "methods", ())
    }

    documented = _documented(creates=False)
    heads = {("HEAD", path) for method, path in documented if method == "GET"}
    options = {("OPTIONS", path) for _, path in documented | _documented(creates=True)}
    assert routed == documented | heads | options


def test_the_creates_of_both_ports_are_those_of_the_table() -> None:
    """What the table marks as a create is a path of the shared routes, and nothing else is."""
    for creates in (True, False):
        for method, path in _documented(creates=creates):
            spelled = re.sub(r"\{\w+\}", "1", path)

            shared = bool(method == "POST" and read_create_path(spelled))

            assert shared is creates, (method, path)


def test_every_link_leads_to_an_operation() -> None:
    """A link names an operation and fills all numbers and tokens of its path."""
    document = build_document()
    operations = {
        operation["operationId"]: path for path, methods in document["paths"].items() for operation in methods.values()
    }
    found = [
        link
        for methods in document["paths"].values()
        for operation in methods.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]

    assert len(found) > 15
    for link in found:
        needed = {f"path.{name}" for name in re.findall(r"\{(\w+)\}", operations[link["operationId"]])}
        assert set(link["parameters"]) == needed, link


def test_every_reference_leads_somewhere() -> None:
    """Each `$ref` of the document names one of its components."""
    document = build_document()

    for reference in set(re.findall(r"'\$ref': '#/components/(\w+)/([\w-]+)'", repr(document))):
        assert reference[1] in document["components"][reference[0]], reference


def _kinds(kind: type[errors.ParleyError]) -> list[type[errors.ParleyError]]:
    served = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [kind, *[found for child in served for found in _kinds(child)]]


def test_every_code_is_documented() -> None:
    """A code that an error of the tree carries by itself is in the table of refusals."""
    codes = {code for refusal in REFUSALS.values() for code in refusal.codes}
    unseen = {errors.RejectedError, errors.ForbiddenError, errors.ConfigurationError}

    assert {kind.code for kind in _kinds(errors.ParleyError) if kind not in unseen} <= codes


def test_the_page_is_well_formed() -> None:
    """Every tag is closed, every anchor exists once, and nothing is fetched but the style sheet."""
    page = render_page()
    anchors = re.findall(r' id="([^"]+)"', page)

    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)
    for tag in ("section", "article", "table", "tr", "td", "ul", "li", "pre", "code", "p", "nav", "main", "dl", "dd"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag
    assert re.findall(r'(?:src|href)="(?!#)([^"]+)"', page) == ["/docs.css", "/openapi.json"]
