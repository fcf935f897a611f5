"""What can go wrong, as a tree.

LeadstreamError          its message names servers, settings and positions, never a person: it may be logged
├── SettingsError        a setting is missing or wrong: say which and what to set
├── Fenced               another worker owns the partition now: discard and read again
├── SequenceGap          a producer's sequence jumps: stop, events may be missing
├── Suspected            nothing succeeds any more: hold, before a bad release drains a topic (runtime.hold)
├── LogMismatch          Kafka and Postgres don't belong together: positions mean nothing
├── Contended            capture: others took what a group needs each time: halve it (services.capture.store)
├── CommitUnknown        capture: the connection broke in a commit: ask what became of it (services.capture.store)
├── Unavailable          capture: the database stayed away: the sender comes back (services.capture.intake)
├── EmbeddedError        a server that we start can't run: show the message as it is (local.embedded.errors)
│   ├── DownloadError    a broker jar could not be fetched, or is not what the lock says
│   ├── PortTaken        a port that was asked for by name is in use
│   ├── StackBusy        another `leadstream run` uses this data folder
│   └── ServerNotReady   a server did not answer in time, or ended
├── LogUnavailable       the topics can't be read: says what is missing (log.errors)
├── UnknownLead          no lead is known by what was typed (log.errors)
└── DemoFailed           the demo can't go on: says why, and where to look (demo.errors)

These stand apart, because their messages may quote what they are about, or because a caller turns them into one of
those above; the errors of a service's own modules are described there.

PolicyError              a policy file can't be used; quotes its lines, and policy/ knows nothing of infra/
MissingValue             a template's field has no value for this lead (policy.template)
UnknownKeywordError      a JSON Schema uses what the comparison does not understand (schemas.compatibility)
Undecidable              something in a batch makes the stage fail: find it (runtime.bisect)
ProbeFailed              an embedded server is not ready yet (local.embedded.server)
CommandFailed            ends a command with a message and an exit code; quotes what was typed (cli.context)
InvalidTimeError         what was typed is no moment (log.times)
Malformed                a record is none of its topic's events; quotes nothing of it (schemas.strict)
"""

from __future__ import annotations

from collections.abc import Collection


class LeadstreamError(Exception):
    """Base of every error the runtime raises by itself."""


class SettingsError(LeadstreamError):
    """A setting is missing or wrong."""


class Fenced(LeadstreamError):  # named for the state, as in Kafka's ProducerFenced
    """The compare-and-set failed: another worker has taken these partitions."""

    def __init__(self, partitions: Collection[int]) -> None:
        super().__init__(f"partitions {sorted(partitions)} are owned by another worker now")
        self.partitions = frozenset(partitions)


class SequenceGap(LeadstreamError):  # named for the state
    """A producer's sequence jumps from `last` to `found`."""

    def __init__(self, topic: str, partition: int, producer: str, last: int, found: int) -> None:
        super().__init__(
            f"{topic}/{partition}: {producer} jumps from sequence {last} to {found}; events in between may be lost. "
            f"Find them before you let it go on: see docs/operations.md#sequence-gap"
        )


class LogMismatch(LeadstreamError):  # named for the state
    """The database remembers positions of another Kafka cluster."""
