"""Which package may import which, as docs/architecture.md draws it: no circle, and no service knows another.

An import counts wherever it stands: at the top, in a function, under TYPE_CHECKING. To draw a new arrow, change
`ARROWS`, and the picture with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_CORE = frozenset({"schemas", "policy", "infra"})
ARROWS: Mapping[str, frozenset[str]] = {
    "schemas": frozenset(),
    "policy": frozenset({"schemas"}),
    "infra": frozenset({"schemas", "policy"}),
    "runtime": _CORE,
    "services": _CORE | {"runtime"},
    "simulation": _CORE | {"runtime", "services"},
    "log": _CORE | {"runtime"},  # of runtime, how a record's stamps are read
    "local": frozenset({"infra", "policy"}),
    "demo": _CORE | {"log", "local", "runtime"},  # of runtime, what is still under way
    "cli": _CORE | {"runtime", "services", "simulation", "log", "local", "demo"},
}
"""What each package may import besides itself."""

NEVER = frozenset({"tests", "bench"})
"""What nothing that is shipped may import."""

STILL_THERE: frozenset[tuple[str, str]] = frozenset()
"""Imports against an arrow, as (file, package), that are about to go. An entry that is no longer needed fails."""


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Line and full name of each module that a file imports, its own package's relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom():
                module = _absolute(node, path)
                # `from services import route` is an import of services.route.
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
            case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[first, *_]):
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield node.lineno, first.value


def _absolute(node: ast.ImportFrom, path: str) -> str:
    if not node.level:
        return node.module or ""
    here = Path(path).with_suffix("").parts[: -node.level]
    return ".".join((*here, *([node.module] if node.module else ())))


def violations(source: str, path: str) -> list[str]:
    """What the file at `path`, relative to the repository, imports against the arrows, as `line: what and why`."""
    return sorted(f"{line}: {why}" for line, _, why in _against(source, path))


def _against(source: str, path: str) -> Iterator[tuple[int, str, str]]:
    """Line, the package that is imported, and what is wrong with that."""
    package = Path(path).parts[0]
    for line, module in imported(source, path):
        top = module.split(".")[0]
        if top in NEVER:
            yield line, top, f"imports {module}; what is shipped knows nothing of {top}/"
        elif top in ARROWS and top not in ARROWS[package] | {package}:
            allowed = ", ".join(sorted(ARROWS[package])) or "nothing of ours"
            yield line, top, f"imports {module}; {package} may import {allowed}"
        elif package == top == "services" and (other := _service_of(module)) not in (None, _service_of(_dotted(path))):
            yield line, top, f"imports {module}; services know each other's events, not services.{other}"


def _dotted(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts)


def _service_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (ROOT / "services" / parts[1]).is_dir() else None


def _found() -> dict[tuple[str, str], list[str]]:
    """All there is against the arrows, by (file, imported package)."""
    found: dict[tuple[str, str], list[str]] = {}
    for package in ARROWS:
        for file in files_of(package):
            path = file.relative_to(ROOT).as_posix()
            for line, top, why in _against(file.read_text(encoding="utf-8"), path):
                found.setdefault((path, top), []).append(f"{path}:{line} {why}")
    return found


def test_packages_import_along_the_arrows_only() -> None:
    assert [why for key, whys in _found().items() if key not in STILL_THERE for why in whys] == []


def test_what_is_excused_is_still_there() -> None:
    assert STILL_THERE - _found().keys() == set(), "take these out of STILL_THERE"


def test_the_arrows_make_no_circle() -> None:
    tuple(TopologicalSorter(ARROWS).static_order())


def test_every_package_that_is_shipped_has_arrows() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NEVER
    assert packages <= ARROWS.keys()


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        tuple(TopologicalSorter({**ARROWS, "schemas": frozenset({"services"})}).static_order())


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("schemas/base.py", "import re\nfrom schemas.common import Channel"),
        ("policy/hours.py", "from schemas.common import Channel"),
        ("infra/policy_reader.py", "from policy.versions import History"),
        ("runtime/worker.py", "from infra.errors import Fenced\nfrom runtime.stage import Stage"),
        ("services/score/app.py", "from runtime.service import Parts\nfrom services.score.stage import Score"),
        ("services/score/app.py", "from services.score import stage"),
        ("services/score/app.py", "from .stage import Score"),
        ("services/score/domain/fit.py", "from ..store import rows"),
        ("simulation/engine.py", "from services.score.stage import Score\nfrom services.route.stage import Route"),
        ("log/records.py", "from runtime.sequence import stamp_of"),
        ("local/supervise/stack.py", "from infra.settings import Settings\nimport policy"),
        ("cli/demo.py", "def demo():\n    from demo.perform import perform"),
        ("demo/driver.py", "import log.records\nfrom local.supervise.stack import running"),
        ("infra/kafka.py", "import testscontainers, benchmark, clients, logging, locale"),
    ],
)
def test_the_guard_lets_pass_what_follows_an_arrow(path: str, allowed: str) -> None:
    assert violations(allowed, path) == []


@pytest.mark.parametrize(
    ("path", "forbidden"),
    [
        ("schemas/base.py", "from policy.contact import Contact"),
        ("schemas/base.py", "import infra.clock"),
        ("policy/hours.py", "from infra import clock"),
        ("infra/kafka.py", "from runtime.sequence import stamp_of"),
        ("runtime/worker.py", "from services.score.stage import Score"),
        ("runtime/worker.py", "import services"),
        ("services/score/app.py", "from services.route.domain.turns import Pool"),
        ("services/score/app.py", "from services import route"),
        ("services/score/app.py", "from services import score, route"),
        ("services/score/app.py", "import services.route.app"),
        ("services/score/app.py", "from .. import route"),
        ("services/score/domain/fit.py", "from ...route import stage"),
        ("services/score/app.py", "from simulation.engine import Engine"),
        ("services/score/app.py", "from cli.output import err"),
        ("simulation/engine.py", "from cli.output import err"),
        ("log/records.py", "from services.capture.store import accept"),
        ("log/records.py", "from cli.output import err"),
        ("local/supervise/stack.py", "from runtime.service import Parts"),
        ("local/supervise/stack.py", "from schemas.topics import TOPICS"),
        ("demo/driver.py", "from cli.output import err"),
        ("demo/driver.py", "def f():\n    import cli"),
        ("demo/driver.py", "if TYPE_CHECKING:\n    from cli.output import Report"),
        ("demo/driver.py", "import_module('cli.output')"),
        ("demo/driver.py", "importlib.import_module('cli')"),
        ("cli/run.py", "from tests.support import story"),
        ("cli/run.py", "import bench.chain"),
        ("services/score/app.py", "from tests.support import story"),
    ],
)
def test_the_guard_rejects_what_goes_against_an_arrow(path: str, forbidden: str) -> None:
    assert violations(forbidden, path) != []


def test_the_guard_says_where_and_what_is_allowed() -> None:
    assert violations("import re\n\nimport cli\n", "policy/hours.py") == ["3: imports cli; policy may import schemas"]
    [other] = violations("from services.route import app", "services/score/app.py")
    assert other.endswith("services know each other's events, not services.route")
