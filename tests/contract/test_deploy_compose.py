"""docker-compose.yml keeps the compose specification, and what we ask of it beyond that."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.settings import Settings
from infra.setup import SERVICES
from local.embedded.secrets import NAMES as SECRETS
from tests.support.prometheus import DEPLOY, load_yaml
from tests.support.servers import KAFKA_IMAGE, POSTGRES_IMAGE

ROOT = DEPLOY.parent
COMPOSE = ROOT / "docker-compose.yml"
TEXT = COMPOSE.read_text(encoding="utf-8")
PARTS = {*SERVICES, "kafka", "postgres", "valkey", "setup", "prometheus", "grafana"}
SECRET = re.compile(r"password|token|secret|_key$", re.IGNORECASE)


@cache
def compose() -> dict[str, Any]:
    """The file with its anchors and merges resolved."""
    found: dict[str, Any] = load_yaml(COMPOSE)
    return found


@pytest.fixture(params=sorted(PARTS))
def part(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each service of the file."""
    found: dict[str, Any] = compose()["services"][request.param]
    return found


def validated(path: Path) -> subprocess.CompletedProcess[str]:
    """Checked against the specification's own schema, which check-jsonschema carries."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_file_keeps_the_compose_specification() -> None:
    done = validated(COMPOSE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("healthcheck:", "healthchek:"), ("restart: unless-stopped", "restart: [unless-stopped]")],
)
def test_a_mistake_in_the_file_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    (tmp_path / "docker-compose.yml").write_text(TEXT.replace(right, wrong))
    done = validated(tmp_path / "docker-compose.yml")
    assert done.returncode == 1
    assert "Schema validation errors" in done.stdout, done.stderr


def test_every_part_of_the_system_is_there() -> None:
    assert set(compose()["services"]) == PARTS


def test_images_are_pinned_to_a_version(part: dict[str, Any]) -> None:
    name, _, version = part["image"].rpartition(":")
    assert name
    assert re.match(r"v?\d+\.\d+", version)


def test_the_servers_are_those_that_the_tests_run_on() -> None:
    services = compose()["services"]
    assert services["kafka"]["image"] == KAFKA_IMAGE
    assert services["postgres"]["image"].startswith(POSTGRES_IMAGE.partition(".")[0])


def test_a_health_check_says_whether_it_works(part: dict[str, Any]) -> None:
    if part["healthcheck"].get("disable"):
        assert part["restart"] == "on-failure"
        assert part["command"][:3] == ["python", "-m", "infra.setup"]
    else:
        assert part["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert {"interval", "timeout", "retries", "start_period"} <= set(part["healthcheck"])


def test_nothing_runs_as_root(part: dict[str, Any]) -> None:
    user = str(part["user"]).partition(":")[0]
    assert user not in ("root", "0", "")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_write_only_to_memory_and_gain_no_rights(service: str) -> None:
    part = compose()["services"][service]
    assert part["read_only"]
    assert part["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in part["security_opt"]
    assert part["command"] == ["python", "-m", f"services.{service}"]
    assert part["depends_on"]["setup"]["condition"] == "service_completed_successfully"


def test_the_setup_waits_for_every_server() -> None:
    needed = compose()["services"]["setup"]["depends_on"]
    assert {name: wait["condition"] for name, wait in needed.items()} == dict.fromkeys(
        ("kafka", "postgres", "valkey"), "service_healthy"
    )


def test_no_secret_has_a_default(part: dict[str, Any]) -> None:
    for name, value in part.get("environment", {}).items():
        if SECRET.search(name) or ("://" in str(value) and "@" in str(value)):
            used = re.findall(r"\$\{(\w+)([^}]*)\}", str(value))
            assert all(rest.startswith(":?") for variable, rest in used if not variable.endswith("FORM_KEY")), name
            assert used, f"{name} is written into the file"


def test_every_secret_is_asked_for() -> None:
    asked = set(re.findall(r"\$\{(LEADSTREAM_\w+):\?", TEXT))
    assert asked == {*SECRETS, "LEADSTREAM_GRAFANA_PASSWORD"} - {"LEADSTREAM_FORM_KEY"}
    hint = TEXT[: TEXT.index("name: leadstream")]
    assert {f"LEADSTREAM_{name}" for name in re.findall(r"\b([A-Z]+_(?:PASSWORD|TOKEN))\b", hint)} == asked


def test_services_are_given_only_settings_that_exist() -> None:
    known = {f"LEADSTREAM_{name.upper()}" for name in Settings.model_fields}
    known |= {"LEADSTREAM_CAPTURE_TOKEN", "LEADSTREAM_FORM_KEY"}
    for service in (*SERVICES, "setup"):
        assert set(compose()["services"][service]["environment"]) <= known


def test_ports_are_open_to_this_machine_only(part: dict[str, Any]) -> None:
    assert {port["host_ip"] for port in part.get("ports", ())} <= {"127.0.0.1"}


def test_mounted_files_are_there_and_named_volumes_are_declared(part: dict[str, Any]) -> None:
    for volume in part.get("volumes", ()):
        if volume["type"] == "bind":
            assert (ROOT / volume["source"]).exists()
            assert volume["read_only"]
        else:
            assert volume["source"] in compose()["volumes"]


def test_prometheus_asks_the_services_on_the_port_they_listen_on() -> None:
    job = load_yaml(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"][0]
    discovered = job["dns_sd_configs"][0]
    assert set(discovered["names"]) == set(SERVICES)
    for service in SERVICES:
        assert compose()["services"][service]["environment"]["LEADSTREAM_HTTP_PORT"] == str(discovered["port"])


def test_grafana_starts_with_a_dashboard_that_is_there() -> None:
    environment = compose()["services"]["grafana"]["environment"]
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert orjson.loads((DEPLOY / "grafana" / "dashboards" / home.name).read_bytes())["uid"] == "leadstream-pipeline"
