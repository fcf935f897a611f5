"""How we talk to Kafka: the settings that the contract depends on, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra.settings import Settings

AWAY = (KafkaError, OSError)
"""Faults that pass by themselves: the broker is away, or changes leaders."""

SLOW_PACE = 0.1
"""Seconds. Below that, a worker asks for records as they come."""


def expect_uvloop() -> None:
    """Lets aiokafka see a connection that uvloop has closed as what it is: broken.

    Writing to it raises RuntimeError there, which aiokafka expects nowhere. Met by the task that keeps its metadata, it
    ends that task, and the client waits for it for ever (https://github.com/aio-libs/aiokafka/issues/1038).
    """
    for name in ("send", "_send_sasl_token"):
        method = getattr(AIOKafkaConnection, name)
        if not hasattr(method, "__wrapped__"):
            setattr(AIOKafkaConnection, name, _closed_is_broken(method))


def _closed_is_broken(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def sending(connection: AIOKafkaConnection, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(connection, *args, **kwargs)
        except RuntimeError as error:
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {connection.host}:{connection.port} broken: {error}") from error

    return sending


async def build_producer(settings: Settings) -> AIOKafkaProducer:
    """A started producer: every replica acknowledges, batches leave at once."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=4 * 1024 * 1024,
        max_request_size=4 * 1024 * 1024,
        request_timeout_ms=40_000,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


def build_consumer(settings: Settings, service: str, pace: float = 0.0) -> AIOKafkaConsumer:
    """A consumer that commits nothing by itself and keeps one partition number of all topics together.

    Who reads at a slow `pace` (seconds) lets the broker collect for that long: otherwise each record is an answer of
    its own, and the next question names every partition again.
    """
    patient = pace >= SLOW_PACE
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        group_id=group_of(settings, service),
        group_instance_id=f"{settings.topic_prefix}{service}-{settings.worker}",
        client_id=f"leadstream-{service}-{settings.worker}",
        partition_assignment_strategy=(RangePartitionAssignor,),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=max(settings.session_timeout_ms // 6, 300),
        rebalance_timeout_ms=settings.session_timeout_ms,
        max_poll_interval_ms=300_000,
        request_timeout_ms=40_000,
        fetch_max_wait_ms=int(pace * 1_000) if patient else 500,
        fetch_min_bytes=1024 * 1024 if patient else 1,
        # A member that joins before it has heard of every topic gets too little; it learns of the rest at this pace.
        metadata_max_age_ms=10_000,
        # What is fetched ahead stays in memory: without a limit, as much of each partition as one fetch may bring.
        max_partition_fetch_bytes=512 * 1024,
        fetch_max_bytes=8 * 1024 * 1024,
    )


def group_of(settings: Settings, service: str) -> str:
    """The service's consumer group."""
    return f"{settings.topic_prefix}leadstream.{service}"


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Notes what the group assigned. The main loop acts on it: heartbeats stop while these callbacks run."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.assigned: frozenset[TopicPartition] = frozenset()
        self.generation = 0
        self.joined = False

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002  # aiokafka's signature
        """Another generation begins."""
        self.joined = False
        self.assigned = frozenset()
        self.generation += 1

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Reads nothing until the main loop has taken the partitions over."""
        self.assigned = frozenset(assigned)
        self.joined = True
        self._consumer.pause(*self.assigned)
        self.generation += 1
