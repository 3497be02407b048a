"""The OpenAPI document holds: generated requests, good and bad, and every answer held against it."""

from __future__ import annotations

import copy
import html
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.deployment import Deployment
from tests.support.tenant import APPLICATIONS

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)
"""Of one profile: the other gives the same document and the same answers, as `test_profiles.py` says."""

EXAMPLES = 100
TIMEOUT_S = 900
Document = dict[str, Any]


def _examine(server: Deployment, folder: Path, document: Document, *options: str) -> Document:
    """Run schemathesis with all its checks over a document and the running server; give its report."""
    schema, report, cache = folder / "openapi.json", folder / "report.json", folder / "cache"
    schema.write_text(json.dumps(document))
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(schema), "--url", server.api_url,
        "--checks", "all", "--max-examples", str(EXAMPLES), "--generation-deterministic", "--workers", "1",
        "--no-color", "--report", "json", "--report-json-path", str(report), *options,
    ]  # fmt: skip
    root = str(Path(__file__).parents[2])
    env = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.api.openapi_hooks",
        "PYTHONPATH": root,
        "XDG_CACHE_HOME": str(cache),
    }
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert report.exists(), done.stdout + done.stderr
    found: Document = json.loads(report.read_text())
    found["output"] = done.stdout[-8_000:]
    return found


@pytest.fixture
def document(api: Client) -> Document:
    """Give the document as the server has it."""
    answer = api.get("/openapi.json")
    assert answer.status == 200
    found: Document = answer.json()
    return found


@pytest.mark.timeout(TIMEOUT_S)
def test_the_api_is_what_its_document_says(server: Deployment, document: Document, tmp_path: Path) -> None:
    """Every operation, all checks, 100 examples each, and walks along the links: nothing is excluded."""
    report = _examine(server, tmp_path, document)

    assert report["failures"] == [], report["output"]
    assert report["errors"] == [], report["output"]
    assert report["complete"]
    assert report["exit_code"] == 0
    operations = sum(len(methods) for methods in document["paths"].values())
    assert report["operations"]["tested"] == report["operations"]["total"] == operations
    assert {name: phase["status"] for name, phase in report["phases"].items() if name != "examples"} == {
        "coverage": "success",
        "fuzzing": "success",
        "stateful": "success",
    }
    assert report["test_cases"]["generated"] >= EXAMPLES * operations


def _without_a_field(document: Document) -> None:
    application = document["components"]["schemas"]["Application"]
    del application["properties"]["chats_count"]
    application["required"].remove("chats_count")


def _with_another_field(document: Document) -> None:
    application = document["components"]["schemas"]["Application"]
    application["properties"]["id"] = {"type": "integer"}
    application["required"].append("id")


def _without_a_status(document: Document) -> None:
    del document["paths"][APPLICATIONS]["post"]["responses"]["422"]


def _with_another_header(document: Document) -> None:
    document["components"]["headers"]["Parley-Durability"]["schema"] = {"type": "string", "const": "relaxed"}


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (_without_a_field, "Response violates schema"),
        (_with_another_field, "Response violates schema"),
        (_without_a_status, "Undocumented status code"),
        (_with_another_header, "Response header does not conform to the schema"),
    ],
)
def test_a_document_that_is_wrong_is_found_out(
    spoil: Callable[[Document], None], finding: str, server: Deployment, document: Document, tmp_path: Path
) -> None:
    """The examination's own control: one field, one status, one header wrong, and it fails for that reason."""
    spoiled = copy.deepcopy(document)
    spoil(spoiled)

    report = _examine(server, tmp_path, spoiled, "--phases", "coverage", "--include-operation-id", "create_application")

    assert report["exit_code"] == 1
    assert [failure["title"] for failure in report["failures"]] == [finding], report["output"]


def _objects(schema: object, path: str = "") -> list[tuple[str, Document]]:
    """Give every schema inside a schema with its place."""
    if isinstance(schema, list):
        return [found for n, part in enumerate(schema) for found in _objects(part, f"{path}/{n}")]
    if not isinstance(schema, dict):
        return []
    return [(path, schema), *[found for name, part in schema.items() for found in _objects(part, f"{path}/{name}")]]


def test_every_answer_is_closed(document: Document) -> None:
    """Objects that are answered say all their members; there is no default and no bare object anywhere."""
    schemas = document["components"]["schemas"]
    answered = {name: schema for name, schema in schemas.items() if not name.endswith(("Request", "Change"))}

    for place, schema in _objects(schemas):
        assert "default" not in schema or place.endswith("/properties"), place
    for place, schema in _objects(answered):
        if schema.get("type") == "object" or "object" in schema.get("type", ()):
            closed = schema.get("additionalProperties") is False and "required" in schema
            assert closed or isinstance(schema.get("additionalProperties"), dict), place


def test_every_operation_says_how_it_refuses(document: Document) -> None:
    """Framing, size, type and overload can refuse any request."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            statuses = set(operation["responses"])
            assert statuses >= {"400", "404", "408", "413", "415", "431", "503"}, (method, path)
            assert any(status.startswith("2") for status in statuses)
            assert operation["summary"]
            assert operation["description"]


def test_the_page_for_people_names_every_operation(api: Client, document: Document) -> None:
    """Each path and method is on the page; it asks nobody else for anything."""
    answer = api.get("/docs")
    page = html.unescape(answer.body.decode())

    assert answer.status == 200
    for path, methods in document["paths"].items():
        assert path in page
        for operation in methods.values():
            assert operation["summary"] in page
    assert "script" not in page
    assert "http://" not in page.replace("http://127.0.0.1:3000", "")
    assert "https://" not in page
    policy = answer.header("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert api.get("/docs.css").header("Content-Type") == "text/css; charset=utf-8"
