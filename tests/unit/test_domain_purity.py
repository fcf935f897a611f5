"""`services/*/domain` and `policy/reading` decide and do nothing else: what they may import, and call.

That is what makes replay, simulation and explanation possible. The lists below are reviewed: to add to one, say why
the module can neither read nor change anything outside, nor answer differently the next time.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
READING = SERVICES.parent / "policy" / "reading"
EXPECTED = {"capture", "enrich", "metrics", "nurture", "route", "score"}

STDLIB = frozenset({
    "__future__", "abc", "base64", "binascii", "bisect", "codecs", "collections",
    "collections.abc", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "difflib", "email.message", "enum", "fractions", "functools", "hashlib", "heapq", "hmac",
    "html", "ipaddress", "itertools", "json", "math", "numbers", "operator", "re", "statistics", "string", "struct",
    "textwrap", "types", "typing", "unicodedata", "urllib.parse", "zlib", "zoneinfo",
    "importlib.resources",  # tables shipped inside the package: read once, the same in every process of a release
})  # fmt: skip
"""Modules of the standard library that neither see nor touch the world."""

LIBRARIES = {
    "pydantic": "models and their validation",
    "pydantic_core": "the errors that pydantic reports",
    "typing_extensions": "types of newer Pythons",
    "orjson": "JSON to and from bytes",
    "msgspec": "structs, and JSON to and from them",
    "phonenumbers": "parsing and formatting, with the tables it ships",
    "idna": "internationalised host names",
    "multipart": "splits a form's bytes",
    "publicsuffixlist": "the list it ships; it fetches nothing unless asked to",
    "disposable_email_domains": "a list of domains",
    "email_validator": "the syntax of addresses; `check_deliverability=False` keeps it from asking name servers",
    "babel": "names of countries, from the tables it ships",
}
"""Pure libraries, each with what it is needed for."""

CLOCKS = frozenset({"now", "utcnow", "today"})
BUILTINS = {
    "open": "does I/O", "input": "does I/O", "print": "does I/O", "breakpoint": "does I/O",
    "eval": "runs code", "exec": "runs code", "compile": "runs code", "__import__": "imports behind this test's back",
    "hash": "differs from process to process for text; use hashlib",
    "id": "differs from process to process",
}  # fmt: skip


def domain_modules() -> list[Path]:
    return sorted(SERVICES.glob("*/domain/**/*.py"))


def violations(source: str, service: str) -> list[str]:
    """What in a domain module of `service` is not pure, as `line: what and why`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        found += [f"{getattr(node, 'lineno', 0)}: {problem}" for problem in _problems(node, service)]
    return sorted(found)


def _problems(node: ast.AST, service: str) -> Iterator[str]:
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from _import_problems(node, service)
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            yield f"`{name}()` {BUILTINS[name]}"
        case ast.Attribute(value=receiver, attr=attr) if attr in CLOCKS and _is_clock(receiver):
            yield f"`.{attr}` reads the clock; time is handed in"
        case ast.Call(func=ast.Attribute(attr=attr), args=given) if attr in CLOCKS and not (attr == "today" and given):
            # A calendar that is told the moment may say which day that is; a clock can't be told.
            yield f"`.{attr}()` reads a clock; time is handed in"
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            yield "waits for something; only I/O has to"
        case ast.Global():
            yield "`global` keeps something from one decision to the next"


def _is_clock(receiver: ast.expr) -> bool:
    """True for `datetime`, `date`, `datetime.datetime`…: also where `now` is only handed on, as in a default."""
    name = receiver.attr if isinstance(receiver, ast.Attribute) else getattr(receiver, "id", "")
    return name in ("datetime", "date")


POLICY_IO = frozenset({"policy.loading", "policy.versions"})
"""What reads files, or waits."""


def _import_problems(node: ast.Import | ast.ImportFrom, service: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _module_problems(alias.name, service, ())
    elif node.level:
        yield "a relative import; name the module in full, so that one can see where it is"
    else:
        yield from _module_problems(node.module or "", service, tuple(alias.name for alias in node.names))


def _module_problems(module: str, service: str, names: tuple[str, ...]) -> Iterator[str]:
    top, domain = module.partition(".")[0], f"services.{service}.domain"
    if (
        (top in ("schemas", "policy") and module not in POLICY_IO)
        or module == domain
        or module.startswith(f"{domain}.")
    ):
        return
    if top in sys.stdlib_module_names:
        # `from urllib import parse` is an import of urllib.parse.
        submodules = {f"{module}.{name}" for name in names}
        if module not in STDLIB and not (submodules and submodules <= STDLIB):
            yield f"imports {module}, which is not on the list of pure modules"
    elif top in ("services", "runtime", "infra", "policy", "cli"):
        yield f"imports {module}; a domain knows schemas, the policy and its own modules"
    elif top not in LIBRARIES:
        yield f"imports {module}, which is not on the list of pure libraries"


@pytest.mark.parametrize("path", domain_modules(), ids=lambda path: f"{path.relative_to(SERVICES)}")
def test_a_domain_module_only_decides(path: Path) -> None:
    service = path.relative_to(SERVICES).parts[0]
    assert violations(path.read_text(encoding="utf-8"), service) == []


@pytest.mark.parametrize("path", sorted(READING.glob("*.py")), ids=lambda path: path.name)
def test_what_domains_read_input_with_only_decides(path: Path) -> None:
    assert violations(path.read_text(encoding="utf-8"), "capture") == []


def test_every_service_has_a_domain_that_is_looked_at() -> None:
    assert {path.relative_to(SERVICES).parts[0] for path in domain_modules()} == EXPECTED


@pytest.mark.parametrize(
    "allowed",
    [
        "from __future__ import annotations",
        "import re, json",
        "from collections.abc import Mapping",
        "from urllib.parse import quote",
        "from urllib import parse",
        "from email.message import Message",
        "from importlib.resources import files",
        "from datetime import UTC, datetime",
        "import phonenumbers",
        "from pydantic import Field",
        "from policy import Policy",
        "from services.score.domain.state import ScoreState",
        "from services.score.domain import state",
        "calendar.today(at)",
        "moment.now - moment.policy.effective_at",
        "def f(now): return now.date()",
        "regex.compile('x')",
        "class A:\n    def __hash__(self): return 1",
    ],
)
def test_the_guard_lets_pure_code_pass(allowed: str) -> None:
    assert violations(allowed, "score") == []


@pytest.mark.parametrize(
    "forbidden",
    [
        "import os",
        "import os.path",
        "from os import environ",
        "import socket",
        "import asyncio",
        "import random",
        "from random import choice",
        "import secrets",
        "import uuid",
        "import time",
        "from time import time",
        "import pathlib",
        "from pathlib import Path",
        "import subprocess",
        "import logging",
        "import threading",
        "import tempfile",
        "import urllib.request",
        "from urllib import request",
        "from urllib import parse, request",
        "from urllib.request import urlopen",
        "import importlib",
        "from importlib import import_module",
        "import psycopg",
        "import aiokafka",
        "import requests",
        "import structlog",
        "from runtime.stage import Stage",
        "from infra import clock",
        "from policy.loading import load_policy",
        "import services.score.store",
        "from services.score.store import rows",
        "from services.score import store",
        "from services.route.domain.state import RouteState",
        "from services.score.domainless import x",
        "from . import state",
        "from .state import ScoreState",
        "def f():\n    import os",
        "if TYPE_CHECKING:\n    import psycopg",
        "datetime.now()",
        "datetime.now(UTC)",
        "datetime.datetime.now(UTC)",
        "datetime.utcnow()",
        "date.today()",
        "dt.now(UTC)",
        "dt.today()",
        "clock.now()",
        "field(default_factory=datetime.utcnow)",
        "open('x')",
        "print('x')",
        "eval('x')",
        "exec('x')",
        "__import__('os')",
        "hash('x')",
        "id(x)",
        "async def f(): ...",
        "def f():\n    global x\n    x = 1",
    ],
)
def test_the_guard_rejects_what_is_not_pure(forbidden: str) -> None:
    assert violations(forbidden, "score") != []


def test_the_guard_says_where_and_what_to_do() -> None:
    source = "import re\n\ndef due():\n    return datetime.now()\n"
    assert violations(source, "nurture")[0].startswith("4: `.now")
    assert "list of pure modules" in violations("import os", "nurture")[0]
