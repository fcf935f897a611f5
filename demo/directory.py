"""Who is who: which of our people a lead of the pipeline is, by what they wrote."""

from __future__ import annotations

from collections.abc import Iterable

from demo.actions import Action, Import, Post
from schemas.events import LeadCaptured


class Directory:
    """Every address and number as somebody wrote it, and who that was."""

    def __init__(self) -> None:
        self._people: dict[str, int] = {}

    def learn(self, actions: Iterable[Action]) -> None:
        """Notes what is written in these.

        Raises:
            ValueError: two people write the same.
        """
        for action in actions:
            if isinstance(action.what, Post):
                for item in action.what.items:
                    if item.person is not None:
                        self._note(item.contacts, item.person)
            elif isinstance(action.what, Import):
                for contacts, person in zip(action.what.contacts, action.what.persons, strict=True):
                    self._note(contacts, person)

    def _note(self, contacts: Iterable[str], person: int) -> None:
        for text in contacts:
            if self._people.setdefault(text.strip(), person) != person:
                raise ValueError(f"persons {self._people[text.strip()]} and {person} write the same")

    def who(self, event: LeadCaptured) -> int | None:
        """The person who sent this submission; None for somebody we don't know."""
        written = event.data.person
        found = {self._people.get((text or "").strip()) for text in (written.email, written.phone)} - {None}
        return found.pop() if len(found) == 1 else None
