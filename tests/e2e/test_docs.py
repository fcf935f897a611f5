"""Every command, program and form in the documentation does what the text beside it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docs import ROOT, RUN, blocks_of, documents
from tests.support.documented import Reader, Started, started
from tests.support.prometheus import programs

DOCUMENTS = [path for path in documents() if any(block.language in RUN for block in blocks_of(path))]

PROMETHEUS = "prometheus --config"
"""What only runs where Prometheus can be had, so it comes last."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with started(tmp_path_factory.mktemp("stack")) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_what_a_document_tells_the_reader_to_do_works(stack: Started, tmp_path: Path, path: Path) -> None:
    reader = Reader(stack, tmp_path)
    blocks = [block for block in blocks_of(path) if block.not_run is None]
    last = [block for block in blocks if PROMETHEUS in block.text]
    for block in blocks:
        if block not in last and (block.language in RUN or "<form" in block.text or block.name):
            reader.follow(block)
    if last:
        link_programs(tmp_path)
        for block in last:
            reader.follow(block)


def link_programs(folder: Path) -> None:
    """Puts Prometheus where the documented commands find it; skips where it can't be had."""
    for name in ("prometheus", "promtool"):
        place = folder / "bin" / name
        place.parent.mkdir(exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(programs() / name)
