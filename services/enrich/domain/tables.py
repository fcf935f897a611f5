"""The lists in `data/`, which ship with the code: read once, when first asked for.

`#` begins a comment line and `[name]` a section.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files


def lines(name: str) -> Iterator[str]:
    """The lines of `data/<name>` that say something."""
    text = files("services.enrich.domain.data").joinpath(name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line


def sections(name: str) -> Iterator[tuple[str, str]]:
    """Each line of `data/<name>` with the section it is in."""
    section = ""
    for line in lines(name):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        else:
            yield section, line


@cache
def words_in(name: str) -> Mapping[str, frozenset[str]]:
    """The words of `data/<name>`, by section (`""` where there are none)."""
    found: dict[str, set[str]] = {}
    for section, line in sections(name):
        found.setdefault(section, set()).update(line.split())
    return {section: frozenset(entries) for section, entries in found.items()}


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The tab-separated fields of each line of `data/<name>`."""
    return tuple(tuple(line.split("\t")) for line in lines(name))
