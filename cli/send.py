"""`leadstream send`: one lead, from flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from cli.context import USAGE, Answer, CommandFailed, ask, find_stack, required
from cli.output import out, print_json

Mode = Literal["live", "history", "shadow"]

Words = Annotated[str | None, typer.Option()]


def send(
    *,
    email: Words = None,
    phone: Annotated[str | None, typer.Option(help="Best with its country code.")] = None,
    name: Words = None,
    title: Annotated[str | None, typer.Option(help="Job title.")] = None,
    linkedin_url: Words = None,
    message: Annotated[str | None, typer.Option(help="What they wrote.")] = None,
    company: Annotated[str | None, typer.Option(help="The company's name.")] = None,
    website: Annotated[str | None, typer.Option(help="The company's website.")] = None,
    employees: Annotated[int | None, typer.Option(min=0, help="How many work there.")] = None,
    industry: Words = None,
    country: Annotated[str | None, typer.Option(help="A name or an ISO 3166-1 code.")] = None,
    region: Words = None,
    channel: Annotated[
        str | None, typer.Option(help="How it came: web_form, phone, event, referral…", show_default="api")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Which form, campaign, list or partner.")] = None,
    campaign: Annotated[str | None, typer.Option(help="The utm_campaign.")] = None,
    answer: Annotated[
        list[str] | None, typer.Option(help="A further field, as NAME=VALUE. May be repeated.", metavar="NAME=VALUE")
    ] = None,
    consent: Annotated[
        bool | None, typer.Option("--consent/--no-consent", help="Whether they agreed to be contacted.")
    ] = None,
    submitted_at: Annotated[
        str | None, typer.Option(help="When they sent it, such as 2026-03-01T09:30:00Z.", show_default="now")
    ] = None,
    identity: Annotated[
        str | None, typer.Option("--id", help="The channel's id of the submission; a repeat is accepted once.")
    ] = None,
    mode: Annotated[
        Mode | None, typer.Option(help="history and shadow mail nobody and start no clock.", show_default="live")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Capture's answer as JSON.")] = False,
) -> None:
    """Send one lead.

    It is stored when this command ends well. An email address or a phone number is needed.
    """
    document = document_of(
        {
            "id": identity,
            "email": email,
            "phone": phone,
            "name": name,
            "title": title,
            "linkedin_url": linkedin_url,
            "message": message,
            "answers": answers_of(answer or ()),
            "company": {
                "name": company,
                "website": website,
                "employees": employees,
                "industry": industry,
                "country": country,
                "region": region,
            },
            "attribution": {"utm_campaign": campaign},
            "consent": {"marketing": consent},
            "channel": channel,
            "source": source,
            "submitted_at": submitted_at,
            "mode": mode,
        }
    )
    stack = find_stack()
    token = required("LEADSTREAM_CAPTURE_TOKEN").split(",")[0].strip()
    answered = ask(f"{stack.url('capture')}/v1/leads", document, token)
    if as_json:
        print_json(answered.body)
        if not answered.good:
            raise typer.Exit(1)
        return
    if not answered.good:
        raise CommandFailed(why_refused(answered))
    _tell(answered.body)


def answers_of(pairs: Sequence[str]) -> dict[str, str]:
    """`["budget=50k"]` as `{"budget": "50k"}`.

    Raises:
        CommandFailed: one has no name, or no `=`.
    """
    answers = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name.strip():
            raise CommandFailed(f"--answer {pair}: write NAME=VALUE, such as --answer budget=50k", USAGE)
        answers[name.strip()] = value
    return answers


def document_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were given; objects without any are left out."""
    given = {name: document_of(value) if isinstance(value, Mapping) else value for name, value in fields.items()}
    return {name: value for name, value in given.items() if value is not None and value != {}}


def why_refused(answer: Answer) -> str:
    """A problem (RFC 9457) in plain words, field by field."""
    body = answer.body
    if not isinstance(body, Mapping):
        return f"it answered {answer.status}: {str(body)[:500]}"
    detail = str(body.get("detail") or body.get("title") or f"it answered {answer.status}")
    if answer.status == 401:
        detail += ". Check LEADSTREAM_CAPTURE_TOKEN, or LEADSTREAM_ADMIN_TOKEN where one is needed"
    wrong = [f"\n  {each.get('pointer') or '/'}: {each.get('reason')}" for each in body.get("errors", ())]
    return detail + "".join(wrong)


def _tell(body: Mapping[str, Any]) -> None:
    lead = body["lead_id"]
    if body.get("duplicate"):
        what = "Known already: this submission was accepted before"
    else:
        what = "Accepted: a new lead" if body.get("new") else "Accepted: it belongs to a lead that is known"
    console = out()
    console.print(f"{what}\n  lead        {lead}\n  submission  {body['submission_id']}\n  trace       {body['trace']}")
    console.print(f"[dim]Watch it:[/] leadstream trace {lead} --follow")
