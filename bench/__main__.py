"""`python -m bench [measurement …]`: all of them without a name; in less than ten minutes on two idle cores."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping

from bench import delay, pipeline, yardsticks
from bench.report import Result, machine, say, show

Measure = Callable[[], Awaitable[list[Result]]]

MEASURES: Mapping[str, Measure] = {
    "stage": yardsticks.stage,
    "delay": delay.delay,
    "yardsticks": yardsticks.yardsticks,
    "pipeline": pipeline.throughput,
    "latency": pipeline.latency,
    "memory": pipeline.memory,
}
ALL: tuple[Measure, ...] = (delay.delay, yardsticks.yardsticks, pipeline.everything)
"""Each number once: the yardsticks hold the stage, and one pipeline serves all that need one."""
BUSY = 0.5


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("measures", nargs="*", choices=[*MEASURES, "decisions", "all"], default="all")
    parser.add_argument("--profile", metavar="SERVICE", help="where a service's own work on a lead goes; no servers")
    parser.add_argument("--json", action="store_true", help="results as JSON on standard output")
    options = parser.parse_args()
    if options.profile:
        from bench.decisions import profile

        sys.stdout.write(profile(options.profile))
        return
    on = machine()
    if float(on["load before"]) > BUSY * int(on["cores"]):
        say(f"The machine is busy (load {on['load before']} on {on['cores']} cores): only the ratios will mean much.")
    names = [options.measures] if isinstance(options.measures, str) else options.measures
    results: list[Result] = []
    for measure in [each for name in names for each in (ALL if name == "all" else (_named(name),))]:
        results += asyncio.run(_run(measure))
    show(results, on, as_json=options.json)


def _named(name: str) -> Measure:
    if name == "decisions":  # imports every service
        from bench.decisions import decisions

        return decisions
    return MEASURES[name]


async def _run(measure: Measure) -> list[Result]:
    return await measure()


if __name__ == "__main__":
    main()
