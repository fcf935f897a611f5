"""What a table's columns mean: from their names, or as the operator says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Any

from cli.context import USAGE, CommandFailed
from services.capture.domain.fields import ALIASES, TARGETS, folded, target_of
from services.capture.domain.forms import place

IGNORED = "-"
OTHER_TARGETS = ("id", "lead_id", "consent.wording", "consent.given_at")
OPEN_TARGETS = ("answers.", "external_ids.")

_DECORATION = re.compile(r"^(lead|contact|person|customer|client|prospect|primary|main|your|the)+|(s|field)$")
MOMENTS = frozenset({"submitted_at", "consent.given_at"})


@dataclass(frozen=True)
class Column:
    """One column and our field for it. `sure` is False for a guess from a similar name."""

    name: str
    target: str
    sure: bool = True


def map_columns(columns: Sequence[str], said: Mapping[str, str]) -> tuple[Column, ...]:
    """Finds a field for every column; those that mean none of ours become answers under their own name.

    `said` is what the operator says, column → field; it goes before any guess, and `-` leaves the column out.

    Raises:
        CommandFailed: the operator names a column or a field that does not exist.
    """
    chosen = _said(columns, said)
    taken = set(chosen.values())
    guessed = set()
    for guess in (_own_name, target_of, _similar):
        for name in columns:
            target = guess(name) if name not in chosen else None
            if target is not None and target not in taken:
                chosen[name] = target
                taken.add(target)
                if guess is _similar:
                    guessed.add(name)
    return tuple(Column(name, chosen.get(name, f"answers.{name}"), sure=name not in guessed) for name in columns)


def _own_name(name: str) -> str | None:
    """The field whose name, or whose first alias, it is: surest of all."""
    key = folded(name)
    return next((target for target, aliases in ALIASES.items() if key in (folded(target), folded(aliases[0]))), None)


def _similar(name: str) -> str | None:
    """The field with the most similar name: for typing errors and words around the name."""
    key = _DECORATION.sub("", folded(name))
    if key in TARGETS:
        return TARGETS[key]
    near = get_close_matches(key, TARGETS, n=1, cutoff=0.86) if len(key) > 4 else []
    return TARGETS[near[0]] if near else None


def _said(columns: Sequence[str], said: Mapping[str, str]) -> dict[str, str]:
    by_folded = {folded(name): name for name in reversed(columns)}
    chosen: dict[str, str] = {}
    for name, wanted in said.items():
        column = name if name in columns else by_folded.get(folded(name))
        if column is None:
            raise CommandFailed(f"--map: there is no column `{name}`; there are {', '.join(columns)}", USAGE)
        target = wanted if _exists(wanted) else target_of(wanted)
        if target is None:
            fields = ", ".join((*ALIASES, *OTHER_TARGETS))
            raise CommandFailed(
                f"--map: there is no field `{wanted}`; there are {fields}, answers.NAME, external_ids.SYSTEM, and "
                f"{IGNORED} to leave a column out",
                USAGE,
            )
        if target != IGNORED and target in chosen.values():
            raise CommandFailed(f"--map: two columns are mapped to {target}", USAGE)
        chosen[column] = target
    return chosen


def _exists(target: str) -> bool:
    named = target.startswith(OPEN_TARGETS) and not target.endswith(".")
    return named or target in ALIASES or target in OTHER_TARGETS or target == IGNORED


@dataclass(frozen=True)
class Reader:
    """Makes documents for the direct API out of rows."""

    columns: tuple[Column, ...]
    date_format: str | None = None
    """As `strptime` reads it; None: ISO 8601."""
    zone: tzinfo = UTC
    """Of dates that name no offset."""

    def document(self, cells: Sequence[str], *, dates_needed: bool) -> dict[str, Any]:
        """The row as a document.

        With `dates_needed`, a date that can't be read refuses the row; without, it is kept as an answer.

        Raises:
            ValueError: the row does not fit the header, or says when in a way that can't be read.
        """
        if len(cells) > len(self.columns) and any(cell.strip() for cell in cells[len(self.columns) :]):
            raise ValueError(
                f"the row has {len(cells)} cells and the header {len(self.columns)}; is a cell with the delimiter in "
                "it not quoted?"
            )
        document: dict[str, Any] = {}
        answers: dict[str, str] = {}
        for column, cell in zip(self.columns, cells, strict=False):
            text = cell.strip()
            if text and column.target != IGNORED and not self._put(document, column.target, text, dates_needed):
                answers[column.target.removeprefix("answers.") if _is_answer(column) else column.name] = text
        if answers:
            document["answers"] = answers
        return document

    def _put(self, document: dict[str, Any], target: str, text: str, dates_needed: bool) -> bool:  # passed on
        if target.startswith("answers."):
            return False
        if target in MOMENTS:
            moment = self._moment(text)
            if moment is None:
                if dates_needed and target == "submitted_at":
                    raise ValueError(f"`{target}` is no date that we can read; write 2026-03-01, or say --date-format")
                return False
            text = moment.isoformat()
        return place(document, target, text)

    def _moment(self, text: str) -> datetime | None:
        try:
            moment = (
                datetime.strptime(text, self.date_format)  # noqa: DTZ007  # its zone is given to it below
                if self.date_format
                else datetime.fromisoformat(text)
            )
        except ValueError:
            return None
        return moment.replace(tzinfo=self.zone) if moment.tzinfo is None else moment


def _is_answer(column: Column) -> bool:
    return column.target.startswith("answers.")
