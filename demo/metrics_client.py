"""Asks the metrics service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from demo.errors import DemoFailed

SECONDS = 30


class MetricsClient:
    """`/v1/funnel` and `/v1/sla`."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    async def report(self, path: str, **query: str) -> dict[str, Any]:
        """Fetches a report.

        Raises:
            DemoFailed: there is none.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with (
                aiohttp.ClientSession(self._url, headers=headers, timeout=timeout) as session,
                session.get(path, params=query) as response,
            ):
                answer: dict[str, Any] = await response.json(content_type=None)
                if response.status == 200:
                    return answer
                if response.status == 401:
                    raise DemoFailed(
                        f"somebody else answers on {self._url}: another stack was started at the same moment and has "
                        "taken the port. Start the demo again"
                    )
                raise DemoFailed(f"the metrics service answers {response.status}: {answer.get('detail')}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemoFailed(f"the metrics service does not answer ({type(error).__name__}). Read its log") from error


def stages_of(report: Mapping[str, Any]) -> dict[str, int]:
    """Reads how many leads reached each stage, from a funnel."""
    return {each["stage"]: each["leads"] for each in report["total"]["stages"]}
