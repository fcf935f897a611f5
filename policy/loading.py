"""Reads a policy from its YAML file, and says of everything that is wrong where it stands and what to do.

load_policy(Path("policy.yaml"))  ->  Policy, or PolicyError with all problems
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from policy import DAYS, REFERENCES, Policy
from policy.advice import Advice, advise, advise_reference
from policy.hours import days_of
from policy.yaml_source import Place, Spot, YamlSource, read_yaml


@dataclass(frozen=True)
class PolicyProblem:
    """One thing that is wrong in a policy file."""

    line: int
    """Counted from 1."""
    column: int
    """Counted from 1."""
    key: str
    """Where it belongs, such as `routing.rules[enterprise-uk].then.pool`; empty for the whole file."""
    message: str
    hint: str = ""
    """What to do about it, or empty."""
    width: int = 1
    """Characters to underline."""


class PolicyError(Exception):
    """A policy file can't be used. `str()` shows every problem with its line."""

    def __init__(self, name: str, problems: Iterable[PolicyProblem], text: str = "") -> None:
        self.name = name
        # What is written once may be wrong in many places: `mon-fri`, or an anchor.
        once = {(problem.line, problem.column, problem.message): problem for problem in problems}
        self.problems = tuple(once[key] for key in sorted(once))
        self.text = text
        super().__init__(self.render())

    def render(self) -> str:
        """All problems, each with the line of the file it is about."""
        number = len(self.problems)
        lines = self.text.splitlines()
        shown = (_show(self.name, problem, lines) for problem in self.problems)
        return "\n\n".join((f"{self.name}: {number} problem{'s' if number != 1 else ''}", *shown))


def load_policy(path: Path | str) -> Policy:
    """Returns the policy written in the YAML file at `path`.

    Raises:
        PolicyError: the file can't be read, is not YAML, or is not a policy.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyError(str(path), [PolicyProblem(1, 1, "", f"can't be read: {error.strerror}")]) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        problem = PolicyProblem(line, column, "", "is not UTF-8", "save the file as UTF-8")
        raise PolicyError(str(path), [problem], raw.decode("utf-8", "replace")) from error
    return parse_policy(text, str(path))


def parse_policy(text: str, name: str = "policy") -> Policy:
    """Returns the policy written in the YAML `text`; `name` is what problems call it.

    Top-level keys that begin with `x-` are a place for anchors and are otherwise ignored.

    Raises:
        PolicyError: it is not YAML, or not a policy.
    """
    source = read_yaml(text)
    problems = [_problem(source, fault.spot, fault.place, Advice(fault.message)) for fault in source.faults]
    if not isinstance(source.value, dict):
        if not problems:
            spot = source.spot(())
            message = "a policy is a mapping with the sections " + ", ".join(Policy.model_fields)
            problems.append(PolicyProblem(spot.line, spot.column, "", message))
        raise PolicyError(name, problems, text)
    content = {key: value for key, value in source.value.items() if not str(key).startswith("x-")}
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        problems.extend(_problems(source, error))
        raise PolicyError(name, problems, text) from error
    if problems:
        raise PolicyError(name, problems, text)
    return policy


def _problems(source: YamlSource, error: ValidationError) -> Iterator[PolicyProblem]:
    details = error.errors(include_url=False)
    misspelt = {(*detail["loc"][:-1], close) for detail in details if (close := advise(detail).meant)}
    for detail in details:
        if detail["type"] == REFERENCES:
            for reference in detail["ctx"]["problems"]:
                place = _as_written(source, reference.place)
                yield _problem(source, source.spot(place), place, advise_reference(reference))
        elif not _is_consequence(detail, misspelt):
            yield _from_detail(source, detail)


def _is_consequence(detail: ErrorDetails, misspelt: set[Place]) -> bool:
    """Returns whether another problem says it better: a required key is not missing but misspelt, or a list is only
    empty because its items are wrong.
    """
    if detail["type"] == "missing":
        return detail["loc"] in misspelt
    return detail["type"] == "too_short" and bool(detail["input"])


def _from_detail(source: YamlSource, detail: ErrorDetails) -> PolicyProblem:
    on_key = detail["type"] in ("extra_forbidden", "invalid_key") or detail["loc"][-1:] == ("[key]",)
    place = _as_written(source, tuple(step for step in detail["loc"] if step != "[key]"))
    spot = source.spot(place, key=on_key)
    return _problem(source, spot, place, advise(detail))


def _as_written(source: YamlSource, place: Place) -> Place:
    """`place` in the terms of the file, where `mon-fri: 09:00-17:00` may be what the model calls `tue[0]`."""
    written: Place = ()
    for step in place:
        if isinstance(step, int) and (*written, step) not in source.values:
            continue  # a single value, written without brackets
        if (*written, step) in source.values or step not in DAYS:
            written = (*written, step)
            continue
        siblings = (key[-1] for key in source.keys if key[:-1] == written)
        written = (*written, next((each for each in siblings if step in days_of(str(each))), step))
    return written


def _problem(source: YamlSource, spot: Spot, place: Place, advice: Advice) -> PolicyProblem:
    key = _dotted(source.value, place)
    return PolicyProblem(spot.line, spot.column, key, advice.message, advice.hint, spot.width)


def _dotted(value: Any, place: Place) -> str:
    """`place` as a person would say it: list items go by their own name where they have one."""
    said = ""
    for step in place:
        value = _step(value, step)
        if isinstance(step, int):
            names = [value.get(key) for key in ("id", "band")] if isinstance(value, dict) else []
            said += f"[{next((name for name in names if isinstance(name, str)), step)}]"
        else:
            said += f".{step}" if said else step
    return said


def _step(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _show(name: str, problem: PolicyProblem, lines: list[str]) -> str:
    shown = [f"{name}:{problem.line}:{problem.column}: {problem.key or 'the whole file'}"]
    if problem.line <= len(lines):
        line = lines[problem.line - 1].replace("\t", " ")
        number = f"{problem.line:>6}"
        underline = " " * (problem.column - 1) + "^" * min(problem.width, max(len(line) - problem.column + 1, 1))
        shown += [f"{number} | {line}", f"{' ' * len(number)} | {underline}"]
    shown.append(f"  {problem.message}")
    if problem.hint:
        shown.append(f"  {problem.hint}")
    return "\n".join(shown)
