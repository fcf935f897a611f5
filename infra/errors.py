"""What can go wrong, as a tree.

LeadstreamError
├── SettingsError        a setting is missing or wrong: say which and what to set
├── Fenced               another worker owns the partition now: discard and read again
├── SequenceGap          a producer's sequence jumps: stop, events may be missing
├── Suspected            nothing succeeds any more: hold, before a bad release drains a topic (runtime.hold)
└── LogMismatch          Kafka and Postgres don't belong together: positions mean nothing
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
