"""Settings, from `LEADSTREAM_*` variables. With none set, they point at the stack that `make run` starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infra.errors import SettingsError


class Settings(BaseSettings):
    """Where the servers are and how a worker behaves."""

    model_config = SettingsConfigDict(env_prefix="LEADSTREAM_", env_ignore_empty=True, extra="ignore")

    kafka: str = Field(default="127.0.0.1:9092", description="Bootstrap servers.")
    postgres: SecretStr = Field(default=SecretStr(""), description="DSN. Roles are taken on by `set role`.")
    redis: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"))
    data: Path = Field(default=Path(".leadstream"), description="Where the embedded stack keeps its data.")

    topic_prefix: str = Field(default="", description="Put before every topic's name; lets stacks share a cluster.")
    schema_prefix: str = Field(default="", description="Put before every schema's and role's name.")
    partitions: int = Field(default=12, ge=1, le=1_000)
    replication: int = Field(default=1, ge=1, description="Replicas of the topics that setup creates.")

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, ge=0, le=65_535)
    worker: str = Field(default="0", description="Tells the live workers of one service apart.")
    clock_file: Path | None = Field(default=None, description="Shared offset of a travelling clock; see infra.clock.")

    batch_records: int = Field(default=500, ge=1)
    pace: float = Field(default=1.0, ge=0.0, description="Times the stages' own pace; 0: nothing waits for company.")
    session_timeout_ms: int = Field(default=6_000, ge=1_000)
    hold_after: int = Field(default=50, ge=1, description="Leads that fail, with no success between, before it holds.")
    log_level: str = "info"

    capture_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="LEADSTREAM_CAPTURE_TOKEN: comma-separated bearer tokens of the direct API."
    )
    form_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="LEADSTREAM_FORM_KEY: public keys of HTML forms."
    )
    admin_token: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, values: object) -> object:
        if isinstance(values, dict):
            for name, variable in (("capture_tokens", "CAPTURE_TOKEN"), ("form_keys", "FORM_KEY")):
                text = os.environ.get(f"LEADSTREAM_{variable}", "")
                if name not in values and text:
                    values[name] = tuple(part.strip() for part in text.split(",") if part.strip())
        return values

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.log_level.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError("LEADSTREAM_LOG_LEVEL must be debug, info, warning or error")
        return self

    def dsn(self, service: str | None = None) -> str:
        """The Postgres DSN, or a service's own (`LEADSTREAM_POSTGRES_SCORE`) where one is set.

        Raises:
            SettingsError: neither is set.

        """
        own = os.environ.get(f"LEADSTREAM_POSTGRES_{service.upper()}") if service else None
        dsn = own or self.postgres.get_secret_value()
        if not dsn:
            raise SettingsError(
                "LEADSTREAM_POSTGRES is not set. Start the embedded stack with `make run`, or set it to a DSN such as "
                "postgresql://user:password@host:5432/leadstream"
            )
        return dsn

    def topic(self, name: str) -> str:
        """The topic's name on the cluster."""
        return self.topic_prefix + name

    def schema_of(self, service: str) -> str:
        """The service's schema."""
        return self.schema_prefix + service

    def role_of(self, service: str) -> str:
        """The role that may read the service's schema, and no other's."""
        return f"leadstream_{self.schema_prefix}{service}"
