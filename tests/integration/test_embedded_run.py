"""`leadstream run`, with services that only answer: what it starts, watches, says, and leaves behind."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from local.embedded.discover import load_stack
from local.embedded.ports import LOOPBACK, Ports, is_free
from tests.support.children import IN_THE_BACKGROUND
from tests.support.servers import Servers
from tests.support.tiny_stack import TinyStack, assert_all_gone, get
from tests.support.waiting import until

pytestmark = pytest.mark.deadline(300)

Start = Callable[..., TinyStack]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a stack on this test's folder; ends it however the test ends."""
    started: list[TinyStack] = []

    def start_one(*, workers: int = 1, by: Sequence[str] = (), **environment: str) -> TinyStack:
        one = TinyStack(tmp_path / "data", environment, workers, by)
        started.append(one)
        return one

    yield start_one
    for one in started:
        one.close()


@pytest.fixture
def elsewhere(stack: Servers) -> dict[str, str]:
    """Settings that name servers that run already."""
    return {"LEADSTREAM_KAFKA": stack.kafka, "LEADSTREAM_POSTGRES": stack.postgres, "LEADSTREAM_REDIS": stack.redis}


def test_the_next_start_goes_on_with_the_data_after_a_stop_and_after_a_kill(start: Start, tmp_path: Path) -> None:
    first = start()
    first.wait_ready()
    with psycopg.connect(_postgres(tmp_path)) as connection:
        connection.execute("create table kept as select 'from the first' as value")
    family = first.family()
    assert first.interrupt().code == 0
    assert_all_gone(family)
    assert load_stack(tmp_path / "data") is None

    second = start()
    second.wait_ready()
    with psycopg.connect(_postgres(tmp_path)) as connection:
        connection.execute("insert into kept values ('from the second')")
    family = second.family()
    second.process.send_signal(signal.SIGKILL)
    assert_all_gone(family)

    start().wait_ready()
    with psycopg.connect(_postgres(tmp_path)) as connection:
        kept = connection.execute("select value from kept order by value").fetchall()
    assert kept == [("from the first",), ("from the second",)]


def _postgres(tmp_path: Path) -> str:
    found = load_stack(tmp_path / "data")
    assert found is not None
    return found["LEADSTREAM_POSTGRES"]


def test_servers_that_settings_name_are_used_and_left_alone(
    start: Start, elsewhere: dict[str, str], stack: Servers
) -> None:
    running = start(workers=2, **elsewhere)
    ready = running.wait_ready()
    names = {process.name() for process in running.family()}
    assert not names & {"java", "postgres", "valkey-server"}
    assert ready["kafka"] == stack.kafka
    assert len(ready["services"]) == 12
    assert len({get(url) for url in ready["services"].values()}) == 12
    running.interrupt()
    psycopg.connect(stack.postgres).close()


def test_a_crashed_service_is_started_again(start: Start, elsewhere: dict[str, str]) -> None:
    running = start(**elsewhere)
    url = running.wait_ready()["services"]["score-0"]
    before = get(url)
    get(f"{url}/crash")
    after = until(lambda: get(url), "the service answers again")
    assert before
    assert after != before
    running.wait_said("score-0 ended and was started again")


def test_a_killed_supervisor_leaves_no_service_behind(start: Start, elsewhere: dict[str, str]) -> None:
    running = start(**elsewhere)
    running.wait_ready()
    family = running.family()
    supervisor = next(each for each in family if "supervisor.supervisord" in each.cmdline())
    supervisor.send_signal(signal.SIGKILL)
    assert running.wait_ended().code == 1
    assert_all_gone(family)


def test_a_second_stack_on_the_same_data_is_refused(start: Start, elsewhere: dict[str, str]) -> None:
    first = start(**elsewhere)
    first.wait_ready()
    refused = start(**elsewhere).wait_ended()
    assert refused.code == 1
    assert "already runs on" in refused.said
    assert str(first.process.pid) in refused.said
    assert "LEADSTREAM_DATA" in refused.said
    assert first.process.poll() is None


def test_a_named_port_in_use_ends_the_start_with_port_and_setting(start: Start, elsewhere: dict[str, str]) -> None:
    with socket.create_server((LOOPBACK, Ports().any())) as taken:
        port = str(taken.getsockname()[1])
        refused = start(**elsewhere, LEADSTREAM_CAPTURE_PORT=port).wait_ended()
    assert refused.code == 1
    assert port in refused.said
    assert "LEADSTREAM_CAPTURE_PORT" in refused.said


def test_a_usual_port_in_use_is_passed_over_aloud(start: Start, elsewhere: dict[str, str]) -> None:
    with socket.socket() as taken:
        if is_free(8082):  # else somebody else has it: as good
            taken.bind((LOOPBACK, 8082))
            taken.listen()
        running = start(**elsewhere, LEADSTREAM_SCORE_PORT="")
        ready = running.wait_ready()
        assert ready["services"]["score-0"] != f"http://{LOOPBACK}:8082"
        assert any("8082 is taken: score listens on" in notice for notice in ready["notices"])


def test_a_failing_setup_ends_the_start_with_its_words(start: Start, elsewhere: dict[str, str]) -> None:
    running = start(**elsewhere, TINY_SETUP_FAILS="yes")
    ended = running.wait_ended()
    assert ended.code == 1
    assert "leads.captured has 3 partitions instead of 12" in ended.said


def test_a_service_that_cannot_start_ends_the_start_with_the_end_of_its_log(
    start: Start, elsewhere: dict[str, str]
) -> None:
    running = start(**elsewhere, TINY_SERVICE_FAILS="yes")
    ended = running.wait_ended()
    assert ended.code == 1
    assert "does not say ready" in ended.said
    assert "the policy is missing" in ended.said


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_end_is_as_good_as_ctrl_c(start: Start, elsewhere: dict[str, str], by: signal.Signals) -> None:
    running = start(**elsewhere)
    running.wait_ready()
    family = running.family()
    assert running.interrupt(by).code == 0
    assert_all_gone(family)


def test_ctrl_c_ends_a_stack_in_the_background_too(start: Start, elsewhere: dict[str, str]) -> None:
    running = start(by=IN_THE_BACKGROUND, **elsewhere)
    running.wait_ready()
    family = running.family()
    assert running.interrupt().code == 0
    assert_all_gone(family)


def test_ctrl_c_during_the_start_stops_what_runs_by_then(start: Start) -> None:
    running = start()
    servers = until(lambda: [each for each in running.family() if each.name() == "postgres"], "Postgres runs")
    family = running.family()
    assert servers
    assert running.interrupt().code == 0
    assert_all_gone(family)


def test_a_server_elsewhere_that_does_not_answer_is_named_by_its_setting(
    start: Start, elsewhere: dict[str, str]
) -> None:
    nobody = f"redis://{LOOPBACK}:{Ports().any()}/0"
    ended = start(**elsewhere | {"LEADSTREAM_REDIS": nobody, "TINY_EXTERNAL_SECONDS": "1"}).wait_ended()
    assert ended.code == 1
    assert "LEADSTREAM_REDIS" in ended.said


def test_secrets_and_state_are_for_the_owner_only(start: Start, elsewhere: dict[str, str], tmp_path: Path) -> None:
    start(**elsewhere).wait_ready()
    for name in ("secrets.env", "stack.json", "supervisord.conf"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0
    found = load_stack(tmp_path / "data")
    assert found is not None
    assert len(found["LEADSTREAM_CAPTURE_TOKEN"]) >= 32
    assert found["LEADSTREAM_CAPTURE_URL"].startswith("http://")


def test_the_data_folder_may_have_a_long_and_odd_name(elsewhere: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / ("so long " * 15) / "50% off; really"
    folder.mkdir(parents=True)
    running = TinyStack(folder, elsewhere)
    try:
        assert running.wait_ready()["data"] == str(folder)
    finally:
        running.close()


def test_a_stack_that_ended_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text('{"pid": 1, "env": {}}')
    (tmp_path / "run.lock").write_text("1")
    assert load_stack(tmp_path) is None
