"""The business in numbers for Prometheus. Labels are few and bounded, and none names a person.

Only live leads are observed: an import of last year's leads is no traffic and breaks no promise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from runtime.stage import Change
from services.metrics.domain.ledger import Ledger, SlaClock
from services.metrics.domain.tally import Tally

SECONDS_TO_OWNER = (
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600,
)  # fmt: skip
SECONDS_TO_CONTACT = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 14_400, 28_800, 86_400, 259_200, 604_800)

DISTINCT = 50
"""Different values a label may take; further ones are counted as `other`."""


class LabelGuard:
    """Keeps a label that comes from outside, such as a channel, from growing without end."""

    def __init__(self, limit: int = DISTINCT) -> None:
        self._known: set[str] = set()
        self._limit = limit

    def __call__(self, value: str | None) -> str:
        """Says the label's value: itself, `other` once there are too many, `unknown` for none."""
        if value is None:
            return "unknown"
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return "other"
        self._known.add(value)
        return value


class BusinessMetrics:
    """Counters and histograms that follow committed batches, and gauges read from the database."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._channel, self._reason, self._team, self._service = (LabelGuard() for _ in range(4))
        self.submissions = Counter(
            "leadstream_submissions_total", "Submissions accepted.", ("channel",), registry=registry
        )
        self.rejections = Counter(
            "leadstream_rejections_total",
            "Inputs that could not become an event.",
            ("channel", "reason"),
            registry=registry,
        )
        self.dead = Counter(
            "leadstream_dead_letters_recorded_total",
            "Dead letters read from leads.dead, by the service that wrote them.",
            ("origin", "reason"),
            registry=registry,
        )
        self.to_owner = Histogram(
            "leadstream_time_to_owner_seconds",
            "From captured to first assigned.",
            ("band",),
            buckets=SECONDS_TO_OWNER,
            registry=registry,
        )
        self.to_contact = Histogram(
            "leadstream_time_to_contact_seconds",
            "From captured to the first contact by a person.",
            ("band",),
            buckets=SECONDS_TO_CONTACT,
            registry=registry,
        )
        self.sla = Counter(
            "leadstream_sla_results_total",
            "SLA deadlines by result; `corrected` takes one `breached` back.",
            ("sla", "result", "band", "team"),
            registry=registry,
        )
        self.funnel = Gauge(
            "leadstream_funnel_leads",
            "Leads that have reached a stage, of the partitions this worker owns.",
            ("stage", "channel", "band"),
            registry=registry,
        )

    def observe(self, tally: Tally, changes: Mapping[str, Change[Ledger]]) -> None:
        """Counts what one committed batch brought."""
        for channel, count in tally.submissions.items():
            self.submissions.labels(self._channel(channel)).inc(count)
        for rejected, count in tally.rejections.items():
            self.rejections.labels(self._channel(rejected.channel), self._reason(rejected.reason)).inc(count)
        for letter, count in tally.dead.items():
            self.dead.labels(self._service(letter.service), self._reason(letter.reason)).inc(count)
        for change in changes.values():
            if change.after is not None and change.after.mode == "live":
                self._lead(change.before, change.after)

    def show_funnel(self, counts: Iterable[tuple[str, str, str, int]]) -> None:
        """Sets the gauges to (stage, channel, band, leads); what is no longer owned disappears."""
        self.funnel.clear()
        for stage, channel, band, leads in counts:
            self.funnel.labels(stage, self._channel(channel), band).inc(leads)

    def _lead(self, before: Ledger | None, after: Ledger) -> None:
        band = after.band or "unknown"
        if (seconds := _seconds_until(before, after, "assigned_at")) is not None:
            self.to_owner.labels(band).observe(seconds)
        if (seconds := _seconds_until(before, after, "contacted_at")) is not None:
            self.to_contact.labels(band).observe(seconds)
        if before is not None and before.clocks is after.clocks:
            return
        known = {clock.key: clock for clock in before.clocks} if before else {}
        for clock in after.clocks:
            if (result := _settled(known.get(clock.key), clock)) is not None:
                self.sla.labels(clock.sla, result, clock.band, self._team(clock.team)).inc()


def _seconds_until(before: Ledger | None, after: Ledger, field: str) -> float | None:
    """Counts the seconds from capture, when this batch is the first to know both moments."""
    if before is not None and before.captured_at is not None and getattr(before, field) is not None:
        return None
    at: datetime | None = getattr(after, field)
    if at is None or after.captured_at is None:
        return None
    return max(0.0, (at - after.captured_at).total_seconds())  # two machines' clocks may disagree


def _settled(before: SlaClock | None, after: SlaClock) -> str | None:
    old = before.status if before else "open"
    if old == after.status or after.status not in ("met", "breached"):
        return None
    return "corrected" if old == "breached" else after.status
