"""(a) and (b): one stage with state, outbox and position, beside the same stage on Faust and quixstreams, in turns."""

from __future__ import annotations

from statistics import median

from bench.engines import Engine, Pace, pace_of
from bench.report import Result, say
from bench.servers import started

OURS = Engine("leadstream", "bench.engine", 150_000)
OTHERS = (
    Engine("quixstreams", "bench.quix_engine", 100_000),
    Engine("quixstreams, exactly once", "bench.quix_engine", 100_000, ("exactly-once",)),
    Engine("faust", "bench.faust_engine", 20_000),
)
AIM = 20_000
SECONDS = 10.0
"""The longest that one engine is watched after it has warmed up."""


async def stage() -> list[Result]:
    """Only ours."""
    return await _measure((OURS,), 3)


async def yardsticks() -> list[Result]:
    """All of them, one after the other, twice over: what disturbs the machine meanwhile disturbs all of them."""
    return await _measure((OURS, *OTHERS), 2)


async def _measure(engines: tuple[Engine, ...], rounds: int) -> list[Result]:
    paces: dict[str, list[Pace]] = {engine.name: [] for engine in engines}
    with started() as servers:
        for number in range(rounds):
            for engine in engines:
                say(f"one stage, round {number + 1} of {rounds}: {engine.name}")
                paces[engine.name].append(await pace_of(engine, servers, SECONDS))
    results = [_result(engine, paces[engine.name]) for engine in engines]
    return results + [_ratio(engine, paces) for engine in engines[1:]]


def _result(engine: Engine, paces: list[Pace]) -> Result:
    ours = engine is OURS
    names = tuple(name for name in paces[0].as_dict() if name != "per_second")
    return Result(
        measure="stage" if ours else "yardsticks",
        what=f"one stage on {engine.name}",
        value=median(pace.per_second for pace in paces),
        unit="events/s per process",
        aim=AIM if ours else None,
        details={name.replace("_", " "): median(pace.as_dict()[name] for pace in paces) for name in names},
    )


def _ratio(engine: Engine, paces: dict[str, list[Pace]]) -> Result:
    pairs = list(zip(paces[OURS.name], paces[engine.name], strict=True))
    return Result(
        measure="yardsticks",
        what=f"leadstream : {engine.name}",
        value=median(ours.per_second / theirs.per_second for ours, theirs in pairs),
        unit="times the events/s",
        details={"processor time": median(ours.cpu_us / theirs.cpu_us for ours, theirs in pairs)},
    )
