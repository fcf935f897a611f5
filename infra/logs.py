"""What is logged, and how: one JSON object a line on stderr."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from infra.redact import SafeMessages, described

TRACEBACKS = structlog.processors.ExceptionRenderer(described)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                TRACEBACKS,
                structlog.processors.JSONRenderer(),
            ],
        }
    },
    "filters": {"safe_messages": {"()": SafeMessages}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["safe_messages"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
"""How libraries log: as we do."""


def configure_logging(level: str, service: str) -> None:
    """Logs one JSON object a line to stderr; libraries' warnings go the same way."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            TRACEBACKS,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
