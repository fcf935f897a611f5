"""Real Kafka, Postgres and Valkey in every test that needs a server; pure tests need none."""
