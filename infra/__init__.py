"""Adapters that all share: Kafka, Postgres, HTTP, settings, logging, setup. Nothing here decides."""
