"""Connections and migrations. Each service works in its own schema, as its own role."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.types.datetime import DatetimeDumper
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg_pool import AsyncConnectionPool
from typing_extensions import override

from infra import arrays
from infra.settings import Settings

Connection = psycopg.AsyncConnection[Any]

PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)
"""Faults that pass by themselves: a server is away, a lock was held too long, a stand-by is being promoted."""

AWAY = (*PASSING, OSError)
"""The same, and what the network says before there is a connection."""

# The last, such as of a key too long for its index, is counted among passing faults by psycopg, and never passes.
REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""What the database does not take, however often it is tried."""

RUNTIME_MIGRATIONS = Path(__file__).parent.parent / "runtime" / "migrations"

# transaction_timeout ends a frozen holder of locks; lock_timeout keeps one waiter from stopping a whole worker.
SESSION = "-c transaction_timeout=6s -c lock_timeout=2s -c tcp_keepalives_idle=5 -c client_min_messages=warning"


def _options(settings: Settings, service: str) -> dict[str, Any]:
    session = f"{SESSION} -c search_path={settings.schema_of(service)} -c role={settings.role_of(service)}"
    return {
        "autocommit": True,
        "options": session,
        "connect_timeout": 5,
        "application_name": f"leadstream-{service}-{settings.worker}",
        "prepare_threshold": 1,
    }


async def connect(settings: Settings, service: str) -> Connection:
    """Opens a connection, in autocommit, as the service's role, seeing only the service's schema.

    One task, one connection: two tasks on one connection would see, and lose, each other's work.
    """
    connection = await psycopg.AsyncConnection.connect(settings.dsn(service), **_options(settings, service))
    await _adapt(connection)
    # A plan that was made while a table was small would go on reading it whole while it grows; and one plan for all
    # batches spares planning each: half of what a batch of one costs.
    await connection.execute("set enable_seqscan = off; set plan_cache_mode = force_generic_plan")
    return connection


def pool(settings: Settings, service: str, *, most: int = 4) -> AsyncConnectionPool[Connection]:
    """A closed pool of such connections, for HTTP handlers; open it in a running loop."""
    return AsyncConnectionPool(
        settings.dsn(service),
        kwargs=_options(settings, service),
        configure=_adapt,
        min_size=1,
        max_size=most,
        open=False,
        timeout=5.0,
    )


async def _adapt(connection: Connection) -> None:
    # By default the type follows the value's size, and each mix of sizes would be another prepared statement.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(datetime, _UtcDumper)
    arrays.register(connection)


class _UtcDumper(DatetimeDumper):
    """Writes times in UTC: Postgres reads no offset beyond 15:59, and whoever sends us a time chooses its offset."""

    @override
    def dump(self, obj: datetime) -> Buffer | None:
        return super().dump(obj.astimezone(UTC))


def migrations_of(service: str) -> list[Path]:
    """The runtime's migrations, then the service's own, in the order they are applied."""
    own = Path("services") / service / "migrations"
    folder = Path(__file__).parent.parent / own
    return sorted(RUNTIME_MIGRATIONS.glob("*.sql")) + sorted(folder.glob("*.sql"))


def prepare_schema(settings: Settings, service: str, files: Iterable[Path] | None = None) -> list[str]:
    """Creates the service's role and schema and applies what is missing of its migrations.

    Returns the names of the migrations that were applied now.

    Raises:
        RuntimeError: a migration that was applied before has been edited since.

    """
    schema, role = sql.Identifier(settings.schema_of(service)), sql.Identifier(settings.role_of(service))
    with psycopg.connect(settings.dsn(), connect_timeout=10) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('leadstream-migrations'))")
        _create_role(connection, settings.role_of(service))
        connection.execute(sql.SQL("create schema if not exists {} authorization {}").format(schema, role))
        connection.execute(sql.SQL("set local search_path to {}").format(schema))
        connection.execute(sql.SQL("set local role {}").format(role))
        connection.execute("create table if not exists migrations (name text primary key, sha256 text not null)")
        return [path.name for path in (files or migrations_of(service)) if _apply(connection, path)]


def _create_role(connection: psycopg.Connection[Any], role: str) -> None:
    if connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone() is None:
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))


def _apply(connection: psycopg.Connection[Any], path: Path) -> bool:
    name, text = f"{path.parent.parent.name}/{path.name}", path.read_text(encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    row = connection.execute("select sha256 from migrations where name = %s", (name,)).fetchone()
    if row is not None:
        if row[0] != digest:
            raise RuntimeError(f"migration {name} was edited after it was applied; add a new file instead")
        return False
    connection.execute(text)
    connection.execute("insert into migrations (name, sha256) values (%s, %s)", (name, digest))
    if name == "runtime/0001_runtime.sql":
        connection.execute("insert into meta values ('incarnation', %s)", (uuid.uuid4().hex[:12],))
    return True
