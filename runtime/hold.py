"""When a service holds: a bad release is told from bad input by what still succeeds.

An input that fails is set aside, whoever sent it, and the service goes on. Only when many different leads have failed,
and nothing at all has succeeded meanwhile, is the release itself suspected: then the position is kept, so that a bad
release does not turn a topic into dead letters. A service that holds goes on trying what comes; the first input that
succeeds shows that the others were at fault.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from infra.errors import LeadstreamError
from runtime.decide import PartitionResult


class Suspected(LeadstreamError):  # named for the state
    """Too many leads have failed with no success in between: the batch at hand must not be committed."""


class HoldGuard:
    """Counts the leads that failed since something succeeded."""

    def __init__(self, service: str, most_leads: int) -> None:
        self._service = service
        self._most = most_leads
        self._failed: set[str] = set()
        self._inherited = 0
        self._excused = False
        self.problem = ""
        """Why the service holds; nothing while it does not."""

    def inherit(self, failures: int) -> None:
        """Takes over what failed in a row before this process began, so that restarts don't add up to a drain."""
        self._inherited = max(self._inherited, failures)

    def judge_results(self, results: Sequence[PartitionResult[Any]]) -> None:
        """Weighs what was decided about one batch; see `judge`. What is only rehearsed is not weighed."""
        self.judge(
            {lead for result in results for lead in result.failed},
            succeeded=any(result.succeeded for result in results),
            last=next((result.last_failure for result in reversed(results) if result.failed), ""),
        )

    def judge(self, failed: Collection[str], *, succeeded: bool, last: str) -> None:
        """Weighs one batch before it is committed.

        Args:
            failed: leads of which an input of our own failed.
            succeeded: whether any input was decided.
            last: why the last one failed, without values.

        Raises:
            Suspected: the service must hold.
        """
        if succeeded:
            self._failed.clear()
            self._inherited, self._excused, self.problem = 0, False, ""
            return
        if not failed:
            return
        self._failed.update(list(failed)[: self._most])
        if not self._excused and len(self._failed) + self._inherited >= self._most:
            self.problem = (
                f"{self._service} holds: {len(self._failed) + self._inherited} leads have failed and nothing has "
                f"succeeded since. Last: {last}. Nothing is skipped; deploy a release that works, or wait for input "
                "that does: see docs/operations.md#a-stage-that-keeps-failing"
            )
            raise Suspected(self.problem)

    def excuse(self) -> None:
        """Something succeeded in a rehearsal: what failed is at fault, and may be set aside until that is reached."""
        self._excused, self.problem = True, ""
