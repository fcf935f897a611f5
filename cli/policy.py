"""`leadstream policy`: check, publish, show and list the business policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.context import FAILED, KAFKA, USAGE, CommandFailed, Stack, find_stack, run
from cli.output import confirmed, err, out, print_json
from cli.output import show as show_table
from infra.setup import publish_policy
from log.policies import PublishedPolicy, in_force, read_policies
from log.reader import open_log
from log.times import InvalidTimeError, format_time, parse_time
from policy import Policy
from policy.diff import Change, difference
from policy.loading import PolicyError, load_policy

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="rich")

File = Annotated[Path, typer.Argument(help="The policy, in YAML.", show_default=True)]
MOST_CHANGES = 100
AsJson = Annotated[bool, typer.Option("--json", help="The same as one JSON document.")]


@app.callback()
def policy() -> None:
    """Check, publish and show the business policy.

    What the business decides (scoring, routing, deadlines, sequences, consent) stands in one YAML file. Published, it
    is taken up by running services without a restart, and named by its version in every decision.
    """


@app.command()
def check(file: File = Path("policy.yaml"), *, as_json: AsJson = False) -> None:
    """Say what is wrong with a policy, with line and key; needs no stack. Ends with 1 when something is."""
    try:
        found = load_policy(file)
    except PolicyError as error:
        if as_json:
            print_json({"ok": False, "file": str(file), "problems": [asdict(each) for each in error.problems]})
        else:
            err().print(error.render(), markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from error
    if as_json:
        print_json({"ok": True, "file": str(file), "version": found.version, "problems": []})
    else:
        out().print(f"[green]{escape(str(file))} is good:[/] version {escape(found.version)}; {_contents(found)}")


def _contents(found: Policy) -> str:
    counts = {
        "scoring rule": len(found.scoring.fit.rules),
        "routing rule": len(found.routing.rules),
        "rep": len(found.routing.reps),
        "sequence": len(found.nurture.sequences),
    }
    return ", ".join(f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items())


@dataclass(frozen=True)
class Publication:
    """What publishing a policy would do."""

    policy: Policy
    effective_at: datetime
    before: PublishedPolicy | None
    changes: Sequence[Change]
    known: bool
    """It is published already, for this moment."""


@app.command()
def publish(
    file: File = Path("policy.yaml"),
    *,
    effective_at: Annotated[
        str | None,
        typer.Option(help="When it comes into force: 2026-04-01T00:00+02:00.", show_default="the file's, or now"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and publish nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a policy into force: shows what changes, asks, and publishes it. Running services take it up by themselves.

    A policy that comes into force in the past decides nothing anew: what was decided stays.
    """
    try:
        new = load_policy(file)
    except PolicyError as error:
        raise CommandFailed(error.render()) from error
    stack = find_stack(KAFKA)
    publication = run(_prepare(stack, new, effective_at))
    if not as_json:
        _show_publication(publication)
    if not publication.known and not dry_run:
        confirmed("Publish it?", yes=yes)
        run(publish_policy(stack.settings, publication.policy, publication.effective_at, getuser()))
    published = not publication.known and not dry_run
    if as_json:
        print_json(_as_document(publication, published=published))
    elif published:
        start = format_time(publication.effective_at)
        out().print(f"[green]Published:[/] {escape(publication.policy.version)}, in force from {start} UTC.")


async def _prepare(stack: Stack, new: Policy, effective_at: str | None) -> Publication:
    now = stack.clock.now()
    moment = _moment(effective_at, now) if effective_at else new.effective_at or now
    async with open_log(stack.settings) as log:
        published = await read_policies(log)
    same = [each for each in published if each.version == new.version]
    if any(each.policy is None or each.policy.content_hash() != new.content_hash() for each in same):
        raise CommandFailed(
            f"version {new.version} is published already, with other content. Decisions are named by it, so it can't "
            "change: write another `version`, or leave it out to have one made from the content"
        )
    before = in_force(published, now)
    stated = effective_at is not None or new.effective_at is not None
    known = any(each.effective_at == moment for each in same) if stated else bool(same) and before in same
    return Publication(new, moment, before, difference(before.policy if before else None, new), known)


def _moment(text: str, now: datetime) -> datetime:
    try:
        return parse_time(text, now)
    except InvalidTimeError as error:
        raise CommandFailed(f"--effective-at: {error}", USAGE) from error


def _show_publication(publication: Publication) -> None:
    console = out()
    if publication.before is None:
        console.print("No policy is published yet; this is the first.")
    elif not publication.changes:
        console.print(f"It decides the same as {escape(publication.before.version)}, which is in force.")
    else:
        console.print(f"[bold]What changes[/] from {escape(publication.before.version)}, which is in force:")
        for change in publication.changes[:MOST_CHANGES]:
            style = {"+": "green", "-": "red", "~": "yellow"}[str(change)[0]]
            console.print(f"  {change}", style=style, markup=False, soft_wrap=True)
        if (more := len(publication.changes) - MOST_CHANGES) > 0:
            console.print(f"  … and {more} more; --dry-run --json shows all")
    if publication.known:
        console.print(f"{escape(publication.policy.version)} is published already; there is nothing to do.")


def _as_document(publication: Publication, *, published: bool) -> dict[str, Any]:
    return {
        "published": published,
        "version": publication.policy.version,
        "effective_at": publication.effective_at.astimezone(UTC),
        "before": publication.before.version if publication.before else None,
        "changes": [asdict(change) for change in publication.changes],
    }


@app.command()
def show(
    version: Annotated[str | None, typer.Argument(help="Which one.", show_default="the one in force")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a published policy, as YAML."""
    stack = find_stack(KAFKA)
    published = run(_read(stack))
    if version is None:
        found = in_force(published, stack.clock.now())
    else:
        found = next((each for each in reversed(published) if each.version == version), None)
    if found is None:
        wanted = f"there is no policy {version}; `leadstream policy list` shows those there are"
        raise CommandFailed(wanted if version else "no policy is published; `leadstream policy publish policy.yaml`")
    content = found.policy.to_json() if found.policy else found.event.data.policy
    if as_json:
        print_json(content)
        return
    data = found.event.data
    console = out()
    console.print(
        f"# {data.version}, published by {data.published_by} at {format_time(found.event.time)}, "
        f"in force from {format_time(data.effective_at)} (UTC)",
        style="dim",
        markup=False,
    )
    console.print(as_yaml(content), markup=False, soft_wrap=True, end="")


def as_yaml(content: Any) -> str:
    """The policy as it could be written in a file; what is not set is left out."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 120
    text = StringIO()
    yaml.dump(_without_nothing(content), text)
    return text.getvalue()


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(each) for key, each in value.items() if each is not None}
    return [_without_nothing(each) for each in value] if isinstance(value, list) else value


@app.command(name="list")
def list_all(*, as_json: AsJson = False) -> None:
    """List the policies that were published, the latest first."""
    stack = find_stack(KAFKA)
    published = run(_read(stack))
    current = in_force(published, stack.clock.now())
    if as_json:
        print_json({"policies": [_row(each, current) for each in reversed(published)]})
    elif not published:
        out().print("No policy is published: `leadstream policy publish policy.yaml`.")
    else:
        show_table(_table(published, current))


def _row(published: PublishedPolicy, current: PublishedPolicy | None) -> dict[str, Any]:
    return {
        "version": published.version,
        "in_force": published is current,
        "effective_at": published.effective_at,
        "published_at": published.event.time,
        "published_by": published.event.data.published_by,
        "usable": published.policy is not None,
    }


def _table(published: Sequence[PublishedPolicy], current: PublishedPolicy | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("version", "in force from", "published", "by", ""):
        table.add_column(column)
    for each in reversed(published):
        note = "[green]in force[/]" if each is current else ""
        if each.policy is None:
            note = "[red]not usable by this release[/]"
        by = each.event.data.published_by
        table.add_row(
            escape(each.version), format_time(each.effective_at), format_time(each.event.time), escape(by), note
        )
    return table


async def _read(stack: Stack) -> list[PublishedPolicy]:
    async with open_log(stack.settings) as log:
        return await read_policies(log)
