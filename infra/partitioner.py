"""Which partition a key belongs to: Kafka's default (murmur2), so that any producer agrees with ours."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key`, the same that Kafka's Java client would choose."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
