"""Kafka, Postgres and Valkey out of package registries: no root, no Docker, no system Java."""
