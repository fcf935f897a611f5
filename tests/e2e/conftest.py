"""One running stack for all end-to-end tests: two workers of each service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running import Running, running_stack


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with running_stack(workers=2) as ours:
        yield ours
