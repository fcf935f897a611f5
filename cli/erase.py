"""`leadstream erase`: a person's right to be forgotten."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from cli.context import CommandFailed, ask, find_stack, required
from cli.output import confirmed, out, print_json
from cli.send import why_refused

UNKNOWN = 404
LEAD_ID = re.compile(r"[0-9a-f]{32}")


def erase(
    who: Annotated[str, typer.Argument(help="An email address, a lead id, or a phone number with its country code.")],
    *,
    reason: Annotated[str, typer.Option(help="Kept with the erasure; a short code.")] = "right_to_erasure",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Capture's answer as JSON.")] = False,
) -> None:
    """Forget a person: every service drops what it holds, and readers skip what came before.

    It can't be undone. The same person may write again later, and is then somebody new.
    """
    stack = find_stack()
    token, url = required("LEADSTREAM_ADMIN_TOKEN"), stack.url("capture")
    confirmed("Forget this person for ever?", yes=yes)
    answer = ask(f"{url}/v1/erasures", {**named(who), "reason": reason}, token)
    if as_json:
        print_json(answer.body)
        if not answer.good:
            raise typer.Exit(1)
        return
    if answer.status == UNKNOWN:
        raise CommandFailed("nobody is known by this; there is nothing to erase")
    if not answer.good:
        raise CommandFailed(why_refused(answer))
    for lead in answer.body["erased"]:
        out().print(f"Erased: lead {lead}")


def named(who: str) -> dict[str, str]:
    """Whom it names, as capture wants to be told."""
    who = who.strip()
    if "@" in who:
        return {"email": who}
    looks_like_phone = who.startswith(("+", "00")) or re.fullmatch(r"[\d\s()./-]{6,25}", who)
    return {"phone": who} if looks_like_phone and not LEAD_ID.fullmatch(who) else {"lead_id": who}
