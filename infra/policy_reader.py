"""The policies in force: every worker reads `leads.policies` whole, without a consumer group."""

from __future__ import annotations

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from infra.kafka import AWAY
from infra.retry import Retry
from infra.settings import Settings
from policy import Policy
from policy.template import PUBLISHED
from policy.versions import PolicyBook
from schemas.events import PolicyPublished
from schemas.topics import POLICIES

log = structlog.get_logger()


class PolicyReader:
    """Follows the policies topic."""

    def __init__(self, settings: Settings) -> None:
        self.book = PolicyBook()
        self._partition = TopicPartition(settings.topic(POLICIES.name), 0)
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Reads all that has been published so far."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka, auto_offset_reset="earliest", enable_auto_commit=False
        )
        await self._consumer.start()
        self._consumer.assign([self._partition])
        end = (await self._consumer.end_offsets([self._partition]))[self._partition]
        while await self._consumer.position(self._partition) < end:
            await self.read_some(timeout_ms=200)

    async def follow(self) -> None:
        """Keeps reading; never returns."""
        retry = Retry("reading policies", AWAY)
        while True:
            await retry.call(lambda: self.read_some(timeout_ms=1_000))

    async def stop(self) -> None:
        """Closes the connection."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def read_some(self, timeout_ms: int) -> None:
        """Reads what has been published since; waits for something to come, but no longer than that."""
        assert self._consumer is not None
        for records in (await self._consumer.getmany(timeout_ms=timeout_ms)).values():
            for record in records:
                self._add(record.value or b"", record.offset)

    def _add(self, value: bytes, offset: int) -> None:
        try:
            event = POLICIES.decode(value)
            assert isinstance(event, PolicyPublished)
            policy = Policy.model_validate(event.data.policy, context=PUBLISHED)
        except ValueError as error:  # Malformed, and pydantic's
            # The publisher validates; this is a stranger's record or a policy of a newer release. The one in force
            # stays in force.
            log.error("a published policy can't be used", offset=offset, error=type(error).__name__)  # noqa: TRY400  # a traceback would show the values
            return
        self.book.add(event.data.effective_at, policy)
        log.info("policy read", version=policy.version, effective_at=event.data.effective_at.isoformat())
