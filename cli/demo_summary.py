"""The summary of a demo, as tables for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.reports import funnel_groups, funnel_total, sla_table
from demo.perform import Performance
from demo.summary import duplicates, time_to_owner, without_repeats
from log.reader import LogRecord
from log.timeline import start_of, timeline_table
from log.times import describe_duration

LONGEST_STORY = 40
"""Events of the story that are shown."""


def show(console: Console, done: Performance) -> None:
    """Prints the summary for people."""
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
    seconds_by_share = time_to_owner(seconds)
    table.add_column("Enquiries", justify="right")
    table.add_column("Half within", justify="right")
    for heading in ("9 of 10 within", "99 of 100 within", "Longest"):
        table.add_column(heading, justify="right")
    times = (seconds_by_share[name] for name in ("p50", "p90", "p99", "max"))
    table.add_row(
        f"{seconds_by_share['enquiries']:,}", *("" if each is None else describe_duration(each) for each in times)
    )
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


def _story(story: list[LogRecord]) -> Iterable[RenderableType]:
    if not story or story[0].event is None:
        return
    lead = story[0].event.lead_id
    shown = without_repeats(story)[:LONGEST_STORY]
    yield Text(f"One lead's story: {lead}", style="bold")
    yield timeline_table(shown, start_of(story))
    if len(shown) < len(story):
        yield Text(
            f"Of its {len(story)} events, those that only tell the score anew, and touches that were called off, are "
            f"left out. `leadstream trace {lead}` tells all.",
            style="dim",
        )
