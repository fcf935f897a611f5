"""Finding the input at fault: what can't be committed as a whole is divided, down to one record that is set aside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from aiokafka.errors import KafkaError

from infra.errors import LeadstreamError
from runtime.decode import PartitionBatch


class Undecidable(Exception):
    """Something that the batch holds makes the stage fail before or after it decides, or can't be read back."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause


@contextmanager
def blaming_the_batch() -> Iterator[None]:
    """Nothing is committed yet, so a fault that is neither a server's nor the runtime's can be looked for.

    Raises:
        Undecidable: in place of such a fault.
    """
    try:
        yield
    except (psycopg.Error, KafkaError, OSError, TimeoutError, LeadstreamError):
        raise
    except Exception as error:
        raise Undecidable(error) from error


def divided(group: list[PartitionBatch], error: Exception, why: tuple[str, str, str]) -> list[list[PartitionBatch]]:
    """Smaller groups that together are the same work, in order; one source alone is condemned, for the reason `why`.

    Raises:
        Exception: `error`, when even the condemned source can't be set aside.
    """
    if len(group) > 1:
        return [[work] for work in group]
    work = group[0]
    if len(work.sources) > 1:
        return [[half] for half in work.halves()]
    if work.condemned:
        raise error
    return [[PartitionBatch(work.partition, work.sources, condemned=why)]]
