"""The `leadstream` command: one line for each of its commands, which live in modules of their own."""

from __future__ import annotations

import typer

from cli.lazy import Entry, group_of

RUN, LEADS, WATCH, RULES, OPERATE = "Run", "Leads", "Look", "Policy", "Operate"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "run",
        "cli.run:run",
        "Start Kafka, Postgres, Valkey and the six services; Ctrl-C stops them all.",
        RUN,
        (
            ("leadstream run", "everything on this machine"),
            ("leadstream run --workers 2 --data /srv/leadstream", "two processes of each service, data kept there"),
            ("LEADSTREAM_KAFKA=kafka:9092 leadstream run", "on a Kafka that is there already"),
        ),
    ),
    Entry(
        "demo",
        "cli.demo:demo",
        "The same stack, fed with a simulated month of leads, and a summary at the end.",
        RUN,
        (
            ("leadstream demo", "with one lead's story at the end"),
            ("leadstream demo --leads 2000 --seed 7 --keep", "other people, and time to look around"),
        ),
    ),
    Entry(
        "send",
        "cli.send:send",
        "Send one lead.",
        LEADS,
        (
            (
                "leadstream send --email ada@example.com --name 'Ada Lovelace' --company 'Analytical Engines'",
                "one lead",
            ),
            ("leadstream send --phone '+44 20 7946 0958' --channel phone --answer budget=50k --json", "for a script"),
        ),
        needs_arguments=True,
    ),
    Entry(
        "import",
        "cli.importer:import_",
        "Import a list of leads; what is refused goes to FILE.rejects.csv.",
        LEADS,
        (
            ("leadstream import leads.csv --dry-run", "what each column is taken for, and the first rows"),
            ("leadstream import leads.csv --map 'Full Name=name' --history", "leads of the past: nobody is written to"),
        ),
        needs_arguments=True,
    ),
    Entry(
        "trace",
        "cli.trace:trace",
        "Tell everything that happened to a lead, in order, with reasons.",
        LEADS,
        (
            ("leadstream trace ada@example.com", "the lead with this address"),
            ("leadstream trace '+44 20 7946 0958' --follow", "the lead with this number, and what happens next"),
            ("leadstream trace 019aa5c3e2d1f00dbabe5eed12345678 --json | jq .type", "the events, for a script"),
        ),
        needs_arguments=True,
    ),
    Entry(
        "route",
        "cli.route:app",
        "Explain who leads go to.",
        LEADS,
        (
            ("leadstream route explain ada@example.com", "what every rule said, and who would get the lead"),
            ("leadstream route explain 019aa5c3e2d1f00dbabe5eed12345678 --at 2h --json", "two hours ago, for a script"),
        ),
        needs_arguments=True,
    ),
    Entry(
        "erase",
        "cli.erase:erase",
        "Forget a person: every service drops what it holds, and readers skip what came before.",
        LEADS,
        (
            ("leadstream erase ada@example.com", "asks first"),
            ("leadstream erase 019aa5c3e2d1f00dbabe5eed12345678 --yes --json", "for a script"),
        ),
        needs_arguments=True,
    ),
    Entry(
        "tail",
        "cli.tail:tail",
        "Follow a topic, one event a line.",
        WATCH,
        (
            ("leadstream tail leads.scored", "what is scored from now on"),
            ("leadstream tail assigned --from 1h --no-follow", "who got leads in the last hour"),
            ("leadstream tail leads.touched --from beginning --lead ada@example.com --json", "for a script"),
        ),
        needs_arguments=True,
    ),
    Entry(
        "funnel",
        "cli.reports:funnel",
        "How many leads get how far, in total and by channel, band, team, rep or source.",
        WATCH,
        (
            ("leadstream funnel", "by channel"),
            ("leadstream funnel --by rep --from 30d --json", "the last 30 days by rep, for a script"),
        ),
    ),
    Entry(
        "sla",
        "cli.reports:sla",
        "Whether leads were owned and contacted in time, and how long it took.",
        WATCH,
        (("leadstream sla --by team --from 7d", "the last week by team"),),
    ),
    Entry(
        "export",
        "cli.export:export",
        "Write a topic to a file: each event once, and nothing of erased leads.",
        WATCH,
        (
            ("leadstream export --topic leads.scored --out scored.parquet", "for a notebook"),
            (
                "leadstream export --topic leads.captured --from 2026-03-01 --to 2026-04-01 --out march.csv",
                "one month, for a spreadsheet",
            ),
        ),
        needs_arguments=True,
    ),
    Entry(
        "dead",
        "cli.dead:dead",
        "List the records that a service could not process, with reasons.",
        WATCH,
        (
            ("leadstream dead --since 1d", "those of the last day"),
            ("leadstream dead --service score --json", "what score set aside, for a script"),
        ),
    ),
    Entry(
        "rejected",
        "cli.dead:rejected",
        "List the input that could not become an event, with reasons.",
        WATCH,
        (
            ("leadstream rejected --since 1h", "what was refused in the last hour"),
            ("leadstream rejected --personal --json", "with the bytes that came, for a script"),
        ),
    ),
    Entry(
        "policy",
        "cli.policy:app",
        "Check, publish and show the business policy.",
        RULES,
        (
            ("leadstream policy check policy.yaml", "what is wrong, with line and key"),
            ("leadstream policy publish policy.yaml", "shows what changes, asks, publishes; no restart"),
            ("leadstream policy show", "the one in force"),
        ),
        needs_arguments=True,
    ),
    Entry(
        "doctor",
        "cli.doctor.command:doctor",
        "Check everything, and say how to fix what is wrong.",
        OPERATE,
        (
            ("leadstream doctor", "ends with 1 when something is wrong"),
            ("leadstream doctor --json", "for a script"),
        ),
    ),
    Entry(
        "topics",
        "cli.topics:topics",
        "List the topics: partitions, events, age, retention, and how far behind each service is.",
        OPERATE,
        (("leadstream topics --json", "for a script"),),
    ),
    Entry(
        "pause",
        "cli.commands:pause",
        "Pause a service: it stops reading, and goes on where it stopped.",
        OPERATE,
        (("leadstream pause nurture", "nothing is sent until `leadstream resume nurture`"),),
        needs_arguments=True,
    ),
    Entry(
        "resume",
        "cli.commands:resume",
        "Let a paused service go on.",
        OPERATE,
        (("leadstream resume all", "every service"),),
        needs_arguments=True,
    ),
    Entry(
        "accept-gap",
        "cli.commands:accept_gap",
        "Let a service read on behind a sequence gap, once you know what is missing.",
        OPERATE,
        (("leadstream accept-gap score leads.enriched 7", "score goes on with partition 7 of leads.enriched"),),
        needs_arguments=True,
    ),
)


app = typer.Typer(
    name="leadstream",
    cls=group_of(ENTRIES),
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(
    epilog="[bold]Ends with[/] 0 when all went well, 1 when it did not or something is wrong, 2 on wrong usage, "
    "3 when nothing runs or a server does not answer.\n\n"
    "[bold]Finds[/] the stack that `leadstream run` has up on --data or LEADSTREAM_DATA (.leadstream); LEADSTREAM_* "
    "variables go first."
)
def leadstream() -> None:
    """Every enquiry caught, understood, scored, owned by one person and followed up within minutes."""


if __name__ == "__main__":
    app()
