"""A real Prometheus for a test: scrapes what it is told to, under the shipped configuration and rules."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
import requests
from ruamel.yaml import YAML

from tests.support.children import tied
from tests.support.waiting import until

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
RULES = DEPLOY / "prometheus" / "rules"
DASHBOARDS = DEPLOY / "grafana" / "dashboards"
INSTALL = DEPLOY / "prometheus" / "install-for-tests.sh"

START_SECONDS = 30
UNAVAILABLE = 69
"""The installer's exit code where there is no way to get Prometheus."""

GRAFANA_VARIABLES = {"$__rate_interval": "15s", "$service": ".*", "$channel": ".*", "$band": ".*"}


def programs() -> Path:
    """The folder of `prometheus` and `promtool`, fetched on first use; skips where they can't be had."""
    found = _installed()
    if found is None:
        pytest.skip("Prometheus is not installed, and there is no apt to fetch it with")
    return found


@cache
def _installed() -> Path | None:
    done = subprocess.run([INSTALL], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == UNAVAILABLE:
        return None
    if done.returncode:
        raise RuntimeError(f"{INSTALL.name} failed: {done.stderr}")
    return Path(done.stdout.strip())


def load_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Panel:
    """One query of a dashboard's panel."""

    dashboard: str
    title: str
    expr: str

    def runnable(self) -> str:
        """With Grafana's variables filled in."""
        expr = self.expr
        for name, value in GRAFANA_VARIABLES.items():
            expr = expr.replace(name, value)
        return expr

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title}: {self.expr}"


def panel_queries() -> list[Panel]:
    """Every query of every dashboard."""
    return [
        Panel(path.stem, panel["title"], target["expr"])
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in orjson.loads(path.read_bytes())["panels"]
        for target in panel.get("targets", ())
    ]


def rules() -> list[dict[str, Any]]:
    """Every recording and alerting rule."""
    return [
        rule for path in sorted(RULES.glob("*.yml")) for group in load_yaml(path)["groups"] for rule in group["rules"]
    ]


def metrics_named_in(expr: str) -> set[str]:
    """The metrics of ours that a query reads, by the name under which they are exposed."""
    names = set(re.findall(r"(?<![\w:])leadstream_\w+(?![\w:])", re.sub(r"by\s*\([^)]*\)|\"[^\"]*\"", "", expr)))
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


class Prometheus:
    """A running one."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an API call."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10)
        body = answer.json()
        assert body["status"] == "success", f"{parameters}: {body}"
        return body["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        result: list[dict[str, Any]] = self.get("query", query=expr)["result"]
        return result

    def wait_for(self, expr: str, seconds: float = START_SECONDS) -> list[dict[str, Any]]:
        """The result once there is one."""
        return until(lambda: self.query(expr), f"a result of {expr}", seconds)

    def unhealthy(self) -> list[str]:
        """Targets that can't be scraped, and why."""
        return [
            f"{target['scrapeUrl']}: {target['lastError']}"
            for target in self.get("targets")["activeTargets"]
            if target["health"] != "up"
        ]

    def exposed(self) -> set[str]:
        """Names of all metrics that the targets declare, with or without a sample yet."""
        return {each["metric"] for each in self.get("targets/metadata", match_target='{job="leadstream"}')}

    def failed_rules(self) -> list[str]:
        """Rules that Prometheus could not evaluate."""
        return [
            f"{rule['name']}: {rule.get('lastError')}"
            for group in self.get("rules")["groups"]
            for rule in group["rules"]
            if rule["health"] == "err"
        ]

    def unevaluated_rules(self) -> list[str]:
        """Rules whose turn has not come yet."""
        return [
            rule["name"]
            for group in self.get("rules")["groups"]
            for rule in group["rules"]
            if rule["health"] == "unknown"
        ]


@contextmanager
def prometheus(services: Mapping[str, str | Sequence[str]], folder: Path) -> Iterator[Prometheus]:
    """Prometheus on a free port, scraping `services` (component → host:port, or several) with the shipped rules."""
    config = folder / "prometheus.yml"
    with config.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(_config(services), file)
    program = programs() / "prometheus"
    process = subprocess.Popen(
        tied(
            [
                str(program),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--web.listen-address=127.0.0.1:0",
                "--log.level=warn",
            ]
        ),
        stdout=(log := (folder / "prometheus.log").open("wb")),
        stderr=subprocess.STDOUT,
    )
    try:
        yield Prometheus(f"http://127.0.0.1:{_port_of(process, folder / 'prometheus.log')}")
    finally:
        process.terminate()
        process.wait(timeout=10)
        log.close()


def _config(services: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    """The shipped configuration with other targets and a test's patience."""
    config: dict[str, Any] = load_yaml(DEPLOY / "prometheus" / "prometheus.local.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(RULES / "*.yml")]
    job = next(job for job in config["scrape_configs"] if job["job_name"] == "leadstream")
    job["static_configs"] = [
        {"targets": [found] if isinstance(found, str) else list(found), "labels": {"component": component}}
        for component, found in services.items()
    ]
    config["scrape_configs"] = [job]
    return config


def _port_of(process: subprocess.Popen[bytes], log: Path) -> int:
    def answering() -> int | None:
        assert process.poll() is None, f"Prometheus ended: {log.read_text(errors='replace')}"
        listening = [
            connection.laddr.port
            for connection in psutil.Process(process.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        return next((port for port in listening if _answers(port)), None)

    port = until(answering, "Prometheus answers", START_SECONDS)
    assert port is not None
    return port


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/-/ready", timeout=1).ok
    except requests.ConnectionError:
        return False
