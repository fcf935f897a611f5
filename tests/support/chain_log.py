"""What stands on the topics of the chain, without what was written twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from schemas.base import Event
from schemas.topics import (
    ASSIGNED,
    CAPTURED,
    DEAD,
    ENRICHED,
    OUTCOMES,
    REJECTED,
    SCORED,
    SIGNALS,
    TOUCHED,
    Topic,
)
from tests.support.chain_run import ChainRun

TOPICS = (CAPTURED, SIGNALS, ENRICHED, SCORED, ASSIGNED, TOUCHED, OUTCOMES, REJECTED, DEAD)

ByLead = dict[str, list[Event]]


@dataclass
class Log:
    """All topics, without what was written twice."""

    events: dict[str, list[Event]] = field(default_factory=dict)
    leads: dict[str, ByLead] = field(default_factory=dict)

    def of(self, topic: Topic, lead: str) -> list[Event]:
        return self.leads[topic.name].get(lead, [])


async def read_log(run: ChainRun) -> Log:
    log = Log()
    for topic in TOPICS:
        log.events[topic.name] = await run.harness.events(topic)
        leads: ByLead = defaultdict(list)
        for event in log.events[topic.name]:
            leads[event.subject].append(event)
        log.leads[topic.name] = dict(leads)
    return log
