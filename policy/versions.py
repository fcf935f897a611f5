"""The policies that were published, by the moment each comes into force."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from datetime import datetime

from policy.model import Policy


class PolicyBook:
    """Policies by the moment they come into force."""

    def __init__(self) -> None:
        self._effective: list[tuple[datetime, int]] = []
        self._policies: list[Policy] = []
        self.available = asyncio.Event()

    def add(self, effective_at: datetime, policy: Policy) -> None:
        """Adds a policy; of two with the same moment the one added later holds."""
        self._policies.append(policy)
        self._effective.append((effective_at, len(self._policies) - 1))
        self._effective.sort()
        self.available.set()

    def at(self, moment: datetime) -> Policy:
        """Returns the policy in force at `moment`; the first one, when all begin later.

        Raises:
            LookupError: none has been published.

        """
        if not self._policies:
            raise LookupError("no policy is published; run `leadstream policy publish policy.yaml`")
        index = bisect_right(self._effective, (moment, len(self._policies)))
        return self._policies[self._effective[max(index - 1, 0)][1]]

    def __len__(self) -> int:
        return len(self._policies)
