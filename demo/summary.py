"""What came of a demo, in numbers and in words. All but the check is the word of the topics and the metrics service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.log import Found
from cli.moments import length
from cli.reports import funnel_groups, funnel_total, sla_table
from cli.story import start_of, story_table
from demo.perform import Performance
from schemas.events import LeadScored, SequenceStopped, TouchRecorded

LONGEST_STORY = 40


def document(done: Performance, started_in: float) -> dict[str, Any]:
    """The summary for a script. `started_in`: seconds until the stack was up."""
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


def show(console: Console, done: Performance) -> None:
    """The summary for people."""
    for part in _parts(done):
        console.print(Padding(part, (1, 0, 0, 0)))


def _parts(done: Performance) -> Iterable[RenderableType]:
    evidence = done.evidence
    yield funnel_total(done.reports["channels"])
    yield funnel_groups(done.reports["channels"])
    yield _owners(evidence.seconds_to_owner)
    yield sla_table(done.reports["sla"])
    if evidence.corrected:
        yield Text(f"{evidence.corrected} late deadlines turned out kept: word of the contact came late.", style="dim")
    yield _touches(evidence.touches)
    yield _trouble(done)
    yield _checks(done)
    yield from _story(done.story)


def _owners(seconds: Sequence[float]) -> Table:
    table = Table(title="Time to owner, from the enquiry", title_justify="left")
    figures = time_to_owner(seconds)
    table.add_column("Enquiries", justify="right")
    table.add_column("Half within", justify="right")
    for heading in ("9 of 10 within", "99 of 100 within", "Longest"):
        table.add_column(heading, justify="right")
    times = (figures[name] for name in ("p50", "p90", "p99", "max"))
    table.add_row(f"{figures['enquiries']:,}", *("" if each is None else length(each) for each in times))
    return table


def _touches(touches: Counter[tuple[str, str, bool]]) -> Table:
    table = Table(title="Touches", title_justify="left")
    statuses = ("planned", "sent", "suppressed", "failed", "unknown")
    table.add_column("Channel")
    table.add_column("By")
    for status in statuses:
        table.add_column(status.capitalize(), justify="right")
    for channel, human in sorted({(channel, human) for channel, _, human in touches}, key=lambda key: (key[1], key[0])):
        counts = (touches[channel, status, human] for status in statuses)
        who = "a rep" if human else "a sequence"
        table.add_row(channel.replace("_", " "), who, *(f"{count:,}" if count else "" for count in counts))
    return table


def _trouble(done: Performance) -> Table:
    evidence, known = done.evidence, duplicates(done)
    table = Table(title="What did not come in as it should", title_justify="left")
    table.add_column("What")
    table.add_column("Why")
    table.add_column("How many", justify="right")
    for reason, count in evidence.rejected.most_common():
        table.add_row("Refused, and kept on leads.rejected", reason.replace("_", " "), f"{count:,}")
    if done.sent.turned_away:
        table.add_row("Turned away", "no token that we know", f"{done.sent.turned_away:,}")
    for by, count in sorted(known["recognised_by"].items()):
        table.add_row("Enquired again, and recognised", f"by {by}".replace("_", " "), f"{count:,}")
    if known["repeats"]:
        table.add_row("Sent twice, and counted once", "the same id", f"{known['repeats']:,}")
    for (service, topic, reason), count in sorted(evidence.dead.items()):
        table.add_row(f"Set aside by {service}", f"{reason} record on {topic}".replace("_", " "), f"{count:,}")
    return table


def _checks(done: Performance) -> Table:
    table = Table(title="Check: what came out, against what was sent", title_justify="left")
    table.add_column("")
    table.add_column("Promise")
    table.add_column("Expected", justify="right")
    table.add_column("Found", justify="right")
    for finding in done.findings:
        mark = Text("✓", style="green") if finding.kept else Text("✗", style="bold red")
        promise = Text(finding.promise)
        if finding.detail:
            promise.append(f"\n{finding.detail}", style="red")
        table.add_row(mark, promise, f"{finding.expected:,}", f"{finding.found:,}")
    return table


def _story(story: list[Found]) -> Iterable[RenderableType]:
    if not story or story[0].event is None:
        return
    lead = story[0].event.lead_id
    told = news(story)[:LONGEST_STORY]
    yield Text(f"One lead's story: {lead}", style="bold")
    yield story_table(told, start_of(story))
    if len(told) < len(story):
        yield Text(
            f"Of its {len(story)} events, those that only tell the score anew, and touches that were called off, are "
            f"left out. `leadstream trace {lead}` tells all.",
            style="dim",
        )


def news(story: Iterable[Found]) -> list[Found]:
    """Without scores that leave the lead in its band, and without touches that were called off."""
    kept: list[Found] = []
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
