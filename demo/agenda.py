"""What is to be done next, and when the clock must stop for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from demo.actions import Action


class Agenda:
    """Actions by the moment they are due, and by the moment they can wait no longer."""

    def __init__(self, actions: Iterable[Action] = ()) -> None:
        self._due: list[tuple[datetime, int, Action]] = []
        self._latest: list[tuple[datetime, int]] = []
        self._taken: set[int] = set()
        self._numbers = count()
        self.add(actions)

    def __len__(self) -> int:
        return len(self._due)

    def add(self, actions: Iterable[Action]) -> None:
        """More to do."""
        for action in actions:
            number = next(self._numbers)
            heappush(self._due, (action.at, number, action))
            heappush(self._latest, (action.at + action.patience, number))

    def next_stop(self) -> datetime | None:
        """By when something must be done; None when nothing is left."""
        while self._latest and self._latest[0][1] in self._taken:
            self._taken.discard(heappop(self._latest)[1])
        return self._latest[0][0] if self._latest else None

    def take(self, now: datetime) -> list[Action]:
        """All that is due by `now`, also what could wait, in order."""
        taken = []
        while self._due and self._due[0][0] <= now:
            _, number, action = heappop(self._due)
            self._taken.add(number)
            taken.append(action)
        return taken
