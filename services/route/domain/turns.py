"""Turns of pools, work taken on per day, owners of accounts: what all partitions share, held in memory for a batch.

Turns go round by smooth weighted round robin, as nginx's upstream balancer does it: each candidate's credit grows
by their weight, whoever has most takes the turn and pays the sum of the weights. Shares are exact over time, turns
of one rep lie apart, and who was away neither piles up turns to catch up with nor doubles those of their neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

Load = tuple[str, date]
"""A rep, and a day in that rep's time zone."""


class Candidate(NamedTuple):
    """Somebody who could be given this turn, and how often compared to the others."""

    rep: str
    weight: int


class Turn(NamedTuple):
    """Who was given a turn, and how many the pool had given before."""

    rep: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class PoolTurns:
    """Where a pool is in its round."""

    ordinal: int = 0
    credit: Mapping[str, int] = field(default_factory=dict)
    """By rep; it adds up to 0."""


class PoolNotLocked(LookupError):
    """A decision asks for a pool that its batch did not lock: `lock_plan` named less than `selection` asks for."""


def next_in_turn(credit: Mapping[str, int], candidates: Sequence[Candidate]) -> tuple[str, dict[str, int]]:
    """Whose turn it is, and everybody's credit after it. Of equals, the first in the pool's order."""
    after = dict(credit)
    for candidate in candidates:
        after[candidate.rep] = after.get(candidate.rep, 0) + candidate.weight
    chosen = max(candidates, key=lambda candidate: after[candidate.rep]).rep
    after[chosen] -= sum(candidate.weight for candidate in candidates)
    return chosen, after


class Turns:
    """One batch's copy of what is shared; `store` locks, loads and saves it.

    Changes since `begin` can be undone, so that a decision that fails takes no turn.
    """

    def __init__(
        self,
        pools: dict[str, PoolTurns] | None = None,
        loads: dict[Load, int] | None = None,
        accounts: dict[str, str] | None = None,
    ) -> None:
        self.pools = pools or {}
        self.taken: set[str] = set()
        """Pools that gave turns in this batch; one whose only turn was undone is saved as it was."""
        self.added: dict[Load, int] = {}
        """Leads given to reps in this batch."""
        self.claimed: dict[str, str] = {}
        """Accounts that changed hands in this batch."""
        self.loads = loads or {}
        """As of the start of the batch."""
        self.accounts = accounts or {}
        """As of the start of the batch."""
        self._undo: list[tuple[dict[Any, Any], object, object]] = []
        """(table, key, what was there before)."""

    def begin(self) -> None:
        """Starts a decision: what happened before stays."""
        self._undo.clear()

    def undo(self) -> None:
        """Takes back what happened since `begin`."""
        while self._undo:
            table, key, before = self._undo.pop()
            if before is None:
                del table[key]
            else:
                table[key] = before

    def take(self, pool: str, candidates: Sequence[Candidate]) -> Turn:
        """Gives the pool's next turn to one of the candidates.

        Raises:
            PoolNotLocked: the pool was not locked for this batch.
        """
        turns = self.pools.get(pool)
        if turns is None:
            raise PoolNotLocked(f"pool `{pool}` gave a turn that its batch had not locked it for")
        rep, credit = next_in_turn(turns.credit, candidates)
        self._undo.append((self.pools, pool, turns))
        self.pools[pool] = PoolTurns(turns.ordinal + 1, credit)
        self.taken.add(pool)
        return Turn(rep, turns.ordinal)

    def load(self, rep: str, day: date) -> int:
        """Returns leads the rep was given that day. A day that was not loaded counts as empty."""
        key = (rep, day)
        return self.loads.get(key, 0) + self.added.get(key, 0)

    def count(self, rep: str, day: date) -> None:
        """Notes that the rep was given one more lead."""
        key = (rep, day)
        self._undo.append((self.added, key, self.added.get(key)))
        self.added[key] = self.added.get(key, 0) + 1

    def account_owner(self, domain: str) -> str | None:
        """Returns who owns the other leads of a company, by its web domain."""
        return self.claimed.get(domain) or self.accounts.get(domain)

    def claim_account(self, domain: str, rep: str) -> None:
        """Notes who owns the company's leads now."""
        self._undo.append((self.claimed, domain, self.claimed.get(domain)))
        self.claimed[domain] = rep
