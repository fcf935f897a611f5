"""One demo from its first lead to its check, on a stack that is up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.importing.sending import HttpClient
from cli.log import Found, Log, open_log
from cli.trace import read_story
from demo.check import Facts, Finding, check
from demo.driver import Driver, Walked, World
from demo.ears import Ears
from demo.evidence import Evidence, gather, likely_story
from demo.figures import Figures, stages_of
from demo.importing import import_list
from demo.plan import Scale, plan
from demo.posting import Poster, Sent
from demo.quiet import Watch
from infra.clock import OffsetClock
from infra.settings import Settings

Tell = Callable[[datetime, Mapping[str, int]], None]
"""Told how far the simulated time is, and how many leads have reached each stage."""

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
    walked: Walked
    evidence: Evidence
    findings: list[Finding]
    reports: Mapping[str, dict[str, Any]]
    story: list[Found]


async def perform(scale: Scale, env: Mapping[str, str], folder: Path, clock: OffsetClock, tell: Tell) -> Performance:
    """Plays the whole of it.

    Args:
        scale: how much, and when.
        env: the running stack's LEADSTREAM_* variables, which are set in this process too.
        folder: where imported files are left.
        clock: the one that the services share.
        tell: hears of progress.

    Raises:
        DemoFailed: the pipeline does not do its part.
    """
    settings = Settings()
    token, form_key = (env[name].split(",")[0] for name in ("LEADSTREAM_CAPTURE_TOKEN", "LEADSTREAM_FORM_KEY"))
    figures = Figures(env["LEADSTREAM_METRICS_URL"], env["LEADSTREAM_ADMIN_TOKEN"])
    capture = env["LEADSTREAM_CAPTURE_URL"]
    on = World(
        clock=clock,
        watch=Watch(settings, clock),
        ears=Ears(settings),
        poster=Poster(capture, token, form_key),
        importer=lambda what: import_list(what, folder / "lists", HttpClient(capture, token)),
        tell=_telling(figures, tell),
    )
    driver = Driver(plan(scale), on)
    async with AsyncExitStack() as opened:
        for each in (on.watch, on.ears, on.poster):
            opened.push_async_callback(each.close)
            await each.open()
        walked = await driver.walk()
    async with open_log(settings) as log:
        evidence = await gather(log)
        story = await _story(log, evidence)
    reports = {name: await figures.ask(path, **query) for name, (path, query) in REPORTS.items()}
    facts = Facts(on.poster.sent, walked, driver.directory, scale.end)
    findings = check(facts, evidence, stages_of(reports["channels"]))
    return Performance(scale, on.poster.sent, walked, evidence, findings, reports, story)


def _telling(figures: Figures, tell: Tell) -> Callable[[datetime], Awaitable[None]]:
    async def told(now: datetime) -> None:
        tell(now, stages_of(await figures.ask("/v1/funnel")))

    return told


async def _story(log: Log, evidence: Evidence) -> list[Found]:
    lead = likely_story(evidence)
    return (await read_story(log, lead))[0] if lead else []
