"""Setup prepares the servers, changes nothing the second time, and keeps the services apart."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import run

import psycopg
import pytest

from infra import setup
from infra.errors import SettingsError
from infra.policy_reader import PolicyReader
from infra.postgres import connect, prepare_schema
from infra.settings import Settings
from schemas.topics import TOPICS
from tests.support.harness import POLICY, eventually


async def test_everything_is_created_once(settings: Settings) -> None:
    done = await setup.prepare(settings, Path("policy.yaml"))
    assert {f"topic {topic.name}" for topic in TOPICS} <= set(done)
    assert f"policy {POLICY.version}" in done
    assert await setup.prepare(settings, Path("policy.yaml")) == []


def test_the_command_says_what_it_did(stack_env: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "infra.setup"]
    first = run(command, env=dict(stack_env), capture_output=True, text=True, check=True)
    again = run(command, env=dict(stack_env), capture_output=True, text=True, check=True)
    assert "topic leads.captured" in first.stdout
    assert again.stdout == "everything is in place\n"


async def test_a_wrong_partition_count_is_refused_with_the_setting_to_change(settings: Settings) -> None:
    await setup.create_topics(settings)
    with pytest.raises(SettingsError, match="LEADSTREAM_PARTITIONS=12"):
        await setup.create_topics(settings.model_copy(update={"partitions": 6}))


async def test_one_services_role_cannot_read_anothers_schema(settings: Settings) -> None:
    for service in ("capture", "score"):
        prepare_schema(settings, service)
    async with await connect(settings, "score") as connection:
        assert await (await connection.execute("select * from state")).fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("select * from capture.state")


def test_an_edited_migration_is_refused(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "alpha" / "migrations"
    folder.mkdir(parents=True)
    file = folder / "0001.sql"
    file.write_text("create table mine (x int)")
    assert prepare_schema(settings, "alpha", [file]) == ["0001.sql"]
    assert prepare_schema(settings, "alpha", [file]) == []
    file.write_text("create table mine (x text)")
    with pytest.raises(RuntimeError, match="edited after it was applied"):
        prepare_schema(settings, "alpha", [file])


async def test_a_published_policy_reaches_running_readers_and_waits_for_its_time(settings: Settings) -> None:
    await setup.prepare(settings, Path("policy.yaml"))
    reader = PolicyReader(settings)
    await reader.start()
    now = datetime.now(UTC)
    try:
        assert reader.book.at(now).version == POLICY.version
        later = POLICY.model_copy(update={"version": "next-week"})
        await setup.publish_policy(settings, later, now + timedelta(days=7), "test")
        await setup.publish_policy(settings, POLICY.model_copy(update={"version": "now"}), now, "test")

        async def followed() -> bool:
            await reader.read_some(timeout_ms=100)
            return len(reader.book) == 3

        await eventually(followed)
        assert reader.book.at(now).version == "now"
        assert reader.book.at(now + timedelta(days=8)).version == "next-week"
        assert reader.book.at(now - timedelta(days=1)).version == POLICY.version
    finally:
        await reader.stop()


def test_without_a_database_the_error_names_the_setting(stack_env: Mapping[str, str]) -> None:
    env = {name: value for name, value in stack_env.items() if name != "LEADSTREAM_POSTGRES"}
    failed = run([sys.executable, "-m", "infra.setup"], env=env, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "LEADSTREAM_POSTGRES is not set" in failed.stderr
    assert "Traceback" not in failed.stderr
