"""The tree of errors in `infra.errors` is the tree that the code has: one look tells what can be caught where."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import infra.errors

ROOT = Path(__file__).parents[2]
SHIPPED = ("schemas", "policy", "infra", "runtime", "services", "simulation", "log", "local", "demo", "cli")
BASE = "LeadstreamError"

_BRANCH = re.compile(r"^((?:│   |    )*)[├└]── (\w+)  ")
_APART = re.compile(r"^([A-Z]\w+)  +\S")
_BUILT_IN = re.compile(r"(Exception|\w+Error)")


def drawn(text: str) -> dict[str, str]:
    """Each error of the tree in `text` with the one that it is a branch of."""
    parents, path = {}, [BASE]
    for line in text.splitlines():
        if found := _BRANCH.match(line):
            depth = len(found[1]) // 4 + 1
            path[depth:] = [found[2]]
            parents[found[2]] = path[depth - 1]
    return parents


def drawn_apart(text: str) -> set[str]:
    """The errors that stand apart, below the tree."""
    return {found[1] for line in text.splitlines() if (found := _APART.match(line))} - {BASE}


def defined(source: str) -> Iterator[tuple[str, list[str]]]:
    """Each class with the names of its bases, without their modules."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            yield node.name, [each for base in node.bases if (each := ast.unparse(base).rpartition(".")[2])]


def tree_of(classes: Mapping[str, list[str]]) -> dict[str, str]:
    """Each class that descends from `BASE`, with the base that it does so by."""
    known, before = {BASE: ""}, 0
    while len(known) != before:
        before = len(known)
        known |= {
            name: next(base for base in bases if base in known)
            for name, bases in classes.items()
            if name not in known and known.keys() & set(bases)
        }
    return {name: base for name, base in known.items() if base}


def _classes(*, services: bool) -> dict[str, list[str]]:
    files = (
        path for package in SHIPPED if services or package != "services" for path in (ROOT / package).rglob("*.py")
    )
    return {name: bases for path in files for name, bases in defined(path.read_text(encoding="utf-8"))}


def test_the_tree_is_that_of_the_code() -> None:
    assert drawn(infra.errors.__doc__ or "") == tree_of(_classes(services=True))


def test_what_stands_apart_is_all_that_does() -> None:
    classes = _classes(services=False)
    errors = {
        name for name, bases in classes.items() if not name.startswith("_") and any(map(_BUILT_IN.fullmatch, bases))
    }
    assert drawn_apart(infra.errors.__doc__ or "") == errors - tree_of(classes).keys() - {BASE}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (f"{BASE}\n├── One      this\n└── Two      that", {"One": BASE, "Two": BASE}),
        (f"{BASE}\n├── One  x\n│   └── Two  x\n└── Three  x", {"One": BASE, "Two": "One", "Three": BASE}),
        (f"{BASE}\n└── One  x\n    └── Two  x", {"One": BASE, "Two": "One"}),
    ],
)
def test_a_drawn_tree_is_read_as_it_looks(text: str, tree: dict[str, str]) -> None:
    assert drawn(text) == tree


def test_an_error_that_is_not_drawn_is_found() -> None:
    source = f"class A(errors.{BASE}): ...\nclass B(A, ValueError): ...\nclass C(ValueError): ..."
    assert tree_of(dict(defined(source))) == {"A": BASE, "B": "A"}
