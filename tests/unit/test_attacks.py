"""The list of attacks: no row without a test or a reason, no test that is not there, a document that says the same."""

from __future__ import annotations

import ast
import tomllib

import pytest

from tests.support.attacks import ATTACKS, Attack, split_document, table
from tests.unit.test_house import ROOT, TESTS, tree

BUILT = {*range(1, 23), 38, 39, 40}
"""Rows that concern what exists, at least in part."""


def test_all_forty_are_there() -> None:
    """In their order."""
    assert [attack.number for attack in ATTACKS] == list(range(1, 41))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.number)
def test_an_attack_has_tests_or_a_reason(attack: Attack) -> None:
    """Each test is there; what has a route is tested."""
    assert bool(attack.tests) == (attack.number in BUILT)
    assert attack.tests or attack.missing.startswith("not built yet: ")
    assert attack.answer or not attack.tests
    for name in attack.tests:
        module, _, function = name.partition("::")
        functions = {node.name for node in ast.walk(tree(TESTS / f"{module}.py")) if isinstance(node, ast.FunctionDef)}
        assert function in functions, name


def test_every_test_of_attacks_is_in_the_list() -> None:
    """What was written for the list is found by it."""
    listed = {name for attack in ATTACKS for name in attack.tests}
    written = {
        f"api/{module}::{node.name}"
        for module in ("test_attacks", "test_attacks_bounds", "test_tenants")
        for node in tree(TESTS / "api" / f"{module}.py").body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }

    assert written <= listed, written - listed


def test_the_document_has_the_list() -> None:
    """`python -m tests.support.attacks` writes it."""
    assert split_document()[1] == table()


def test_no_parser_of_forms_is_pinned_that_stood_still() -> None:
    """CVE-2024-24762 and CVE-2024-53981 are mended in 0.0.18, CVE-2024-47874 in Starlette 0.40."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    floors = {"python-multipart": (0, 0, 18), "starlette": (0, 40, 0)}

    for package in packages:
        floor = floors.get(package["name"], (0,))
        assert tuple(int(part) for part in package["version"].split(".")[:3] if part.isdigit()) >= floor, package[
            "name"
        ]
