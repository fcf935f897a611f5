"""One demo from its first lead to its check, on a stack that is up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from demo.check import Finding, SentFacts, check
from demo.driver import Driver, Surroundings, WalkResult
from demo.evidence import Evidence, gather, likely_story
from demo.importing import ImportFile, import_list
from demo.listener import TopicListener
from demo.metrics_client import MetricsClient, stages_of
from demo.plan import Scale, plan
from demo.posting import Poster, Sent
from demo.quiescence import QuiescenceWatch
from infra.clock import OffsetClock
from infra.settings import Settings
from log.reader import Log, LogRecord, open_log
from log.timeline import read_timeline

ReportStages = Callable[[datetime, Mapping[str, int]], None]
"""Called with how far the simulated time is, and how many leads have reached each stage."""

REPORTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "channels": ("/v1/funnel", {"by": "channel"}),
    "bands": ("/v1/funnel", {"by": "band"}),
    "sla": ("/v1/sla", {"by": "band"}),
}


@dataclass(frozen=True)
class Performance:
    """What came of it. `reports` are the metrics service's; `story` is one lead's."""

    scale: Scale
    sent: Sent
    walked: WalkResult
    evidence: Evidence
    findings: list[Finding]
    reports: Mapping[str, dict[str, Any]]
    story: list[LogRecord]


async def perform(
    scale: Scale,
    env: Mapping[str, str],
    folder: Path,
    clock: OffsetClock,
    report: ReportStages,
    import_file: ImportFile,
) -> Performance:
    """Plays the whole of it.

    Args:
        scale: how much, and when.
        env: the running stack's LEADSTREAM_* variables, which are set in this process too.
        folder: where imported files are left.
        clock: the one that the services share.
        report: hears of progress.
        import_file: imports a list, in a thread.

    Raises:
        DemoFailed: the pipeline does not do its part.
        LogUnavailable: the topics can't be read back.
    """
    settings = Settings()
    token, form_key = (env[name].split(",")[0] for name in ("LEADSTREAM_CAPTURE_TOKEN", "LEADSTREAM_FORM_KEY"))
    metrics = MetricsClient(env["LEADSTREAM_METRICS_URL"], env["LEADSTREAM_ADMIN_TOKEN"])
    capture = env["LEADSTREAM_CAPTURE_URL"]
    on = Surroundings(
        clock=clock,
        watch=QuiescenceWatch(settings, clock),
        listener=TopicListener(settings),
        poster=Poster(capture, token, form_key),
        importer=lambda what: import_list(what, folder / "lists", import_file),
        report=_reporting(metrics, report),
    )
    driver = Driver(plan(scale), on)
    async with AsyncExitStack() as opened:
        for each in (on.watch, on.listener, on.poster):
            opened.push_async_callback(each.close)
            await each.open()
        walked = await driver.walk()
    async with open_log(settings) as log:
        evidence = await gather(log)
        story = await _story(log, evidence)
    reports = {name: await metrics.report(path, **query) for name, (path, query) in REPORTS.items()}
    sent = SentFacts(on.poster.sent, walked, driver.directory, scale.end)
    findings = check(sent, evidence, stages_of(reports["channels"]))
    return Performance(scale, on.poster.sent, walked, evidence, findings, reports, story)


def _reporting(metrics: MetricsClient, report: ReportStages) -> Callable[[datetime], Awaitable[None]]:
    async def report_stages(now: datetime) -> None:
        report(now, stages_of(await metrics.report("/v1/funnel")))

    return report_stages


async def _story(log: Log, evidence: Evidence) -> list[LogRecord]:
    lead = likely_story(evidence)
    return (await read_timeline(log, lead))[0] if lead else []
