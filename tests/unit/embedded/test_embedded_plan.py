"""Which process gets which port and setting, before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cli.run import SAMPLE
from local.embedded.errors import EmbeddedError, PortTaken
from local.embedded.ports import LOOPBACK, Ports, is_free
from local.embedded.secrets import NAMES, load_or_create
from local.supervise.config import render, socket_path
from local.supervise.plan import HTTP_PORTS, Options, Plan, make
from services.capture.domain.inputs import LeadIn

ELSEWHERE = {
    "LEADSTREAM_KAFKA": "broker:9092",
    "LEADSTREAM_POSTGRES": "postgresql://someone@db/leads",
    "LEADSTREAM_REDIS": "redis://cache:6379/0",
}
SECRETS = dict.fromkeys(NAMES, "made-up")


def _plan(folder: Path, environment: dict[str, str] | None = None, workers: int = 1) -> Plan:
    return make(Options(folder, workers=workers), environment or {}, SECRETS)


def test_every_process_has_a_port_of_its_own(tmp_path: Path) -> None:
    plan = _plan(tmp_path, workers=3)
    ports = [worker.port for worker in plan.workers] + [server.port for server in plan.servers]
    assert len(plan.workers) == 3 * len(HTTP_PORTS)
    assert len(set(ports)) == len(ports)


def test_a_server_that_a_setting_names_is_not_started(tmp_path: Path) -> None:
    plan = _plan(tmp_path, {"LEADSTREAM_KAFKA": "broker:9092"})
    assert [server.name for server in plan.servers] == ["postgres", "valkey"]
    assert plan.env["LEADSTREAM_KAFKA"] == "broker:9092"


def test_an_empty_setting_is_no_setting(tmp_path: Path) -> None:
    plan = _plan(tmp_path, {"LEADSTREAM_KAFKA": ""})
    assert [server.name for server in plan.servers] == ["kafka", "postgres", "valkey"]
    assert plan.env["LEADSTREAM_KAFKA"] == plan.servers[0].address


def test_a_token_that_a_setting_gives_goes_before_the_stored_one(tmp_path: Path) -> None:
    plan = _plan(tmp_path, ELSEWHERE | {"LEADSTREAM_CAPTURE_TOKEN": "mine"})
    assert plan.env["LEADSTREAM_CAPTURE_TOKEN"] == "mine"
    assert plan.env["LEADSTREAM_ADMIN_TOKEN"] == "made-up"


def test_only_our_settings_are_handed_on(tmp_path: Path) -> None:
    assert "HOME" not in _plan(tmp_path, ELSEWHERE | {"HOME": "/root"}).env


def test_a_port_that_is_no_number_is_refused_by_its_setting(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="LEADSTREAM_SCORE_PORT is '80a1'"):
        _plan(tmp_path, ELSEWHERE | {"LEADSTREAM_SCORE_PORT": "80a1"})


def test_a_named_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, Ports().any())) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} for score"):
            _plan(tmp_path, ELSEWHERE | {"LEADSTREAM_SCORE_PORT": str(port)})


def test_a_port_near_a_taken_one_is_the_next_free_and_said(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, Ports().any())) as taken:
        port = taken.getsockname()[1]
        choice = Ports().near(port)
    assert choice.moved
    assert choice.port > port


def test_free_ports_stay_below_those_of_outgoing_connections() -> None:
    ports = Ports()
    given = [ports.any() for _ in range(50)]
    assert len(set(given)) == 50
    assert max(given) < 32_768
    assert all(is_free(port) for port in given)


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first, second = load_or_create(tmp_path), load_or_create(tmp_path)
    assert first == second
    assert set(first) == set(NAMES)
    assert len(set(first.values())) == len(NAMES)
    assert (tmp_path / "secrets.env").stat().st_mode & 0o077 == 0


def test_a_secret_that_is_missing_is_added_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("LEADSTREAM_CAPTURE_TOKEN=kept\n")
    found = load_or_create(tmp_path)
    assert found["LEADSTREAM_CAPTURE_TOKEN"] == "kept"
    assert found["LEADSTREAM_ADMIN_TOKEN"]


def test_a_secrets_file_with_a_stray_line_says_which(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("# fine\nnot fine\n")
    with pytest.raises(EmbeddedError, match="line 2"):
        load_or_create(tmp_path)


def test_the_supervisor_starts_nothing_by_itself_and_holds_no_secret(tmp_path: Path) -> None:
    options = Options(tmp_path)
    plan = make(options, ELSEWHERE, SECRETS)
    text = render(plan, options)
    assert text.count("[program:") == text.count("autostart = false") == len(HTTP_PORTS)
    assert "made-up" not in text


def test_a_long_data_folder_gets_a_socket_elsewhere(tmp_path: Path) -> None:
    short, long = socket_path(tmp_path), socket_path(tmp_path / ("x" * 100))
    assert short.parent == tmp_path
    assert len(str(long)) < 100


def test_the_curl_line_posts_what_capture_accepts() -> None:
    assert LeadIn.model_validate(SAMPLE).email == SAMPLE["email"]
