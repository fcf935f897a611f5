"""The policies that were published, read back from their topic, and the one in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from log.reader import Log, read_record
from policy import Policy
from policy.template import PUBLISHED
from schemas.events import PolicyPublished
from schemas.topics import POLICIES


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """One policy as it was published; `policy` is None where this release can't read it."""

    event: PolicyPublished
    policy: Policy | None

    @property
    def version(self) -> str:
        """Names it in every decision."""
        return self.event.data.version

    @property
    def effective_at(self) -> datetime:
        """When it comes into force."""
        return self.event.data.effective_at


async def read_policies(log: Log) -> list[PublishedPolicy]:
    """Reads all of them, in the order they were published; what services can't use either is left out."""
    places = log.places((POLICIES,))
    found = []
    async for record in log.read(await log.begins(places), await log.ends(places)):
        event = read_record(POLICIES, record).event
        if isinstance(event, PolicyPublished):
            found.append(PublishedPolicy(event, _policy(event)))
    return found


def _policy(event: PolicyPublished) -> Policy | None:
    try:
        return Policy.model_validate(event.data.policy, context=PUBLISHED)
    except ValidationError:
        return None


def in_force(published: Sequence[PublishedPolicy], moment: datetime) -> PublishedPolicy | None:
    """Picks the one that decides at `moment`, as `policy.versions.PolicyBook` does.

    Of those in force it is the latest, of two with one moment the later one; when all begin later, the first to come.
    """
    usable = [each for each in published if each.policy is not None]
    if not usable:
        return None
    begun = [each for each in usable if each.effective_at <= moment]
    if not begun:
        return min(usable, key=lambda each: each.effective_at)
    latest = max(each.effective_at for each in begun)
    return [each for each in begun if each.effective_at == latest][-1]
