"""What came of a demo, in numbers. All but the check comes from the topics and the metrics service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from demo.perform import Performance
from log.reader import LogRecord
from schemas.events import LeadScored, SequenceStopped, TouchRecorded


def document(done: Performance, started_in: float) -> dict[str, Any]:
    """Gives the summary for a script. `started_in`: seconds until the stack was up."""
    evidence, sent = done.evidence, done.sent
    return {
        "seed": done.scale.seed,
        "from": done.scale.start,
        "to": done.scale.end,
        "seconds": {"start": round(started_in, 1), "walk": round(done.walked.seconds, 1)},
        "stops": done.walked.stops,
        "events": dict(evidence.records),
        "funnel": {name: done.reports[name] for name in ("channels", "bands")},
        "sla": done.reports["sla"],
        "deadlines_corrected": evidence.corrected,
        "time_to_owner": time_to_owner(evidence.seconds_to_owner),
        "touches": [
            {"channel": channel, "status": status, "human": human, "count": count}
            for (channel, status, human), count in sorted(evidence.touches.items())
        ],
        "rejected": dict(evidence.rejected),
        "turned_away": sent.turned_away,
        "duplicates": duplicates(done),
        "dead_letters": [
            {"service": service, "topic": topic, "reason": reason, "count": count}
            for (service, topic, reason), count in sorted(evidence.dead.items())
        ],
        "checks": [{**asdict(finding), "kept": finding.kept} for finding in done.findings],
        "ok": all(finding.kept for finding in done.findings),
        "story": {
            "lead": done.story[0].event.lead_id if done.story and done.story[0].event else None,
            "events": [orjson.loads(each.record.value) for each in done.story if each.event],
        },
    }


def time_to_owner(seconds: Sequence[float]) -> dict[str, float | int | None]:
    """From an enquiry to its owner, in seconds: the time that the pipeline takes."""
    ordered = sorted(seconds)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    found = {name: round(percentile(ordered, share), 4) if ordered else None for name, share in shares.items()}
    return {"enquiries": len(ordered), **found}


def percentile(ordered: Sequence[float], share: float) -> float:
    """The least value that `share` of all do not exceed (nearest rank)."""
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


def duplicates(done: Performance) -> dict[str, Any]:
    """What was recognised as known: by which identifier, and repeats of the very same submission."""
    again = [event.data.identity for event in done.evidence.captured if not event.data.identity.new]
    by = Counter(" and ".join(sorted(identity.matched_on)) for identity in again)
    return {"submissions_of_known_leads": len(again), "recognised_by": dict(by), "repeats": done.sent.repeats}


def without_repeats(story: Iterable[LogRecord]) -> list[LogRecord]:
    """Leaves out scores that keep the lead in its band, and touches that were called off."""
    kept: list[LogRecord] = []
    band = None
    for each in story:
        event = each.event
        if isinstance(event, LeadScored):
            if event.data.band == band:
                continue
            band = event.data.band
        elif isinstance(event, SequenceStopped) or (isinstance(event, TouchRecorded) and event.status == "suppressed"):
            continue
        kept.append(each)
    return kept
