"""Topics and schemas that the tests of one file share, and commands that see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Terminal, point_commands_at, prepared_names
from tests.support.servers import Servers


@pytest.fixture(scope="module")
def prepared(stack: Servers) -> Iterator[Terminal]:
    """Names of the file's own on the session's servers."""
    with prepared_names(stack) as terminal:
        yield terminal


@pytest.fixture
def terminal(prepared: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Commands see the stack, and no service that runs."""
    point_commands_at(prepared.settings, tmp_path, monkeypatch)
    return prepared
