"""The play: the same for the same seed, sane in its numbers, and as capture takes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean

import orjson
import pytest

from demo.actions import Action, ForeignRecord, Import, Item, Post
from demo.channels import CHANNELS
from demo.directory import Directory
from demo.journeys import GRID
from demo.junk import FOREIGN_RECORDS, KINDS
from demo.plan import BAD_ROWS, Play, Scale, plan
from demo.times import floor
from policy.loading import load_policy
from services.capture.domain.decode import decode_form, decode_json, media_type
from services.capture.domain.errors import InvalidInput
from services.capture.domain.forms import HONEYPOT, lead_document
from services.capture.domain.items import Kind, Received
from services.capture.domain.submissions import READERS, InputContext

END = datetime(2026, 11, 20, 17, tzinfo=UTC)
RULES = load_policy(Path(__file__).parents[3] / "policy.yaml").identity
KIND_OF: dict[str, Kind] = {"leads": "lead", "signals": "signal", "outcomes": "outcome", "touches": "touch"}


def scale(leads: int = 600, seed: str = "1", days: int = 30) -> Scale:
    return Scale(leads, seed, END - timedelta(days=days), END)


@pytest.fixture(scope="module")
def play() -> Play:
    return plan(scale())


def posts(play: Play) -> Iterator[tuple[Action, Post, Item]]:
    for action in play.actions:
        if isinstance(action.what, Post):
            for item in action.what.items:
                yield action, action.what, item


def test_the_same_seed_gives_the_same_play_and_another_one_another(play: Play) -> None:
    assert plan(scale()) == play
    assert plan(scale(seed="2")).actions != play.actions


def test_more_leads_leave_those_before_as_they_are(play: Play) -> None:
    few = plan(scale(100))
    assert few.journeys == play.journeys[:100]


def test_everything_happens_within_the_time(play: Play) -> None:
    assert all(play.scale.start <= action.at < play.scale.end for action in play.actions)


@pytest.mark.parametrize("days", [1, 3, 90])
def test_any_length_of_time_is_filled(days: int) -> None:
    short = plan(scale(60, days=days))
    persons = {item.person for _, post, item in posts(short) if post.path.startswith("/v1/leads")}
    persons |= {number for action in short.actions if isinstance(action.what, Import) for number in action.what.persons}
    assert persons >= set(range(60))


def test_channels_have_their_shares_and_their_kinds_of_people(play: Play) -> None:
    big = plan(scale(3_000))
    counts = Counter(journey.channel.name for journey in big.journeys)
    whole = sum(channel.weight for channel in CHANNELS)
    for channel in CHANNELS:
        assert counts[channel.name] == pytest.approx(3_000 * channel.weight / whole, rel=0.25)
    quality = {
        name: mean(journey.person.quality for journey in big.journeys if journey.channel.name == name)
        for name in ("referral", "web_form", "csv_import")
    }
    assert quality["referral"] > quality["web_form"] > quality["csv_import"]


def test_the_good_ones_do_more(play: Play) -> None:
    signals = Counter(item.person for _, post, item in posts(play) if post.path == "/v1/signals")
    by_quality: dict[bool, list[int]] = {True: [], False: []}
    for journey in play.journeys:
        by_quality[journey.person.quality > 0.6].append(signals[journey.person.number])
    assert mean(by_quality[True]) > 1.5 * mean(by_quality[False])


def test_enquiries_come_by_day_on_weekdays_and_together(play: Play) -> None:
    first = [journey.first_at for journey in play.journeys]
    assert sum(moment.weekday() < 5 for moment in first) / len(first) > 0.8
    assert sum(6 <= moment.hour < 21 for moment in first) / len(first) > 0.8
    assert all(moment == floor(moment, GRID) for moment in first)


def test_people_are_heard_of_again_in_every_way(play: Play) -> None:
    ways = Counter(way for journey in play.journeys for way in journey.again)
    assert set(ways) == {"retried", "at once", "other spelling", "misspelt first"}
    assert 0.05 < ways.total() / len(play.journeys) < 0.4


def test_some_signals_are_days_late(play: Play) -> None:
    late = [
        action.at - item.happened for action, post, item in posts(play) if post.path == "/v1/signals" and item.happened
    ]
    assert sum(delay > timedelta(days=1) for delay in late) > 20
    assert min(late) >= timedelta(0)


def test_every_kind_of_junk_is_there_even_in_a_small_play() -> None:
    small = plan(scale(10))
    refused = [
        item.expected.reason for _, _, item in posts(small) if item.expected.answer in ("refused", "turned_away")
    ]
    assert len(refused) == len(KINDS)
    assert sum(isinstance(action.what, ForeignRecord) for action in small.actions) == len(FOREIGN_RECORDS)


def test_no_two_people_write_the_same(play: Play) -> None:
    Directory().learn(plan(scale(3_000)).actions)
    with pytest.raises(ValueError, match="write the same"):
        Directory().learn(
            Action(END, Post("/v1/leads", (Item({}, person, ("a@b.example",)),)), "lane") for person in (1, 2)
        )


# -- what capture makes of it ------------------------------------------------------------------------------------------


def answer(post: Post, item: Item, now: datetime) -> tuple[int, str]:
    """What capture's own readers say: 202, or why not."""
    received = Received("submission", now, "api", b"", {})
    context = InputContext(RULES, received, "new-lead")
    kind = KIND_OF[post.path.removeprefix("/v1/").removesuffix(":batch")]
    try:
        if post.wire == "raw":
            document = decode_json(post.raw)
        elif post.wire == "json":
            document = orjson.loads(orjson.dumps(item.at(now)))
        else:
            fields = decode_form(_encoded(item), media_type("application/x-www-form-urlencoded"))
            if any(name == HONEYPOT for name, _ in fields):
                return 200, "honeypot"
            document = lead_document(fields)
        READERS[kind](document, context)
    except InvalidInput as error:
        return error.status, error.reason
    return 202, ""


def _encoded(item: Item) -> bytes:
    from urllib.parse import urlencode

    return urlencode(dict(item.document)).encode()


def test_capture_takes_what_is_meant_well_and_refuses_the_rest_for_the_reason_that_is_expected(play: Play) -> None:
    told_by_the_store = {"unknown_lead", "unauthenticated"}
    for action, post, item in posts(play):
        expected = (202, "") if item.expected.answer == "duplicate" else (item.expected.status, item.expected.reason)
        if item.expected.reason not in told_by_the_store:
            assert answer(post, item, action.at) == expected, item.document


def test_a_retried_enquiry_is_the_same_to_the_byte(play: Play) -> None:
    seen: dict[str, list[str]] = {}
    for _, post, item in posts(play):
        if post.path == "/v1/leads" and post.wire == "json" and "id" in item.document:
            seen.setdefault(str(item.document["id"]), []).append(orjson.dumps(item.document).decode())
    twice = [bodies for bodies in seen.values() if len(bodies) > 1]
    assert len(twice) > 5
    assert all(len(set(bodies)) == 1 for bodies in twice)


def test_lists_tell_people_twice_and_end_with_rows_that_nothing_can_be_made_of(play: Play) -> None:
    lists = [action.what for action in play.actions if isinstance(action.what, Import)]
    assert len(lists) == 2
    for each in lists:
        assert list(each.rows[-2:]) == list(BAD_ROWS)
        assert each.refused == tuple(BAD_ROWS.values())
        assert len(each.rows) == len(each.persons) + len(each.refused)
        assert len(each.contacts) == len(each.persons)
    assert any(len(each.persons) > len(set(each.persons)) for each in lists)
