"""What was measured, beside what was aimed at; as a table, and as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

console = Console(stderr=True, highlight=False)
"""Progress goes to standard error, so that standard output holds nothing but results."""


@dataclass(frozen=True)
class Result:
    """One number. `aim` is what the project set itself, None for what is only compared."""

    measure: str
    what: str
    value: float
    unit: str
    aim: float | None = None
    better: Literal["more", "less"] = "more"
    details: dict[str, float | str] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        """Whether the aim is reached; None without one."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.better == "more" else self.value <= self.aim


def say(text: str) -> None:
    """Tells how it goes."""
    console.print(f"[dim]{text}[/]")


def machine() -> dict[str, str]:
    """What it was measured on, and how busy that was before."""
    cpus = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def show(results: Sequence[Result], on: dict[str, str], *, as_json: bool) -> None:
    """Writes the results to standard output."""
    if as_json:
        rows = [{**asdict(result), "reached": result.reached} for result in results]
        sys.stdout.write(json.dumps({"machine": on, "results": rows}, indent=2) + "\n")
        return
    table = Table(title=", ".join(f"{name}: {value}" for name, value in on.items()))
    for heading in ("Measured", "", "Aim", "Reached", "Details"):
        table.add_column(heading, justify="right" if heading in ("", "Aim") else "left")
    for result in results:
        reached = {None: "", True: "yes", False: "no"}[result.reached]
        details = ", ".join(f"{name} {_number(value)}" for name, value in result.details.items())
        aim = "" if result.aim is None else _number(result.aim)
        table.add_row(result.what, f"{_number(result.value)} {result.unit}", aim, reached, details)
    Console(width=None if sys.stdout.isatty() else 180).print(table)


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def quantile(values: Sequence[float], part: float) -> float:
    """The value that `part` of all values are at most."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]
