"""The dashboards are well-formed, explained and where Grafana looks for them. What they show: tests/integration."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.prometheus import DASHBOARDS, DEPLOY, load_yaml, panel_queries

GRAFANA = DEPLOY / "grafana"
PATHS = sorted(DASHBOARDS.glob("*.json"))
WIDTH = 24
Panel = dict[str, Any]


def board(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found


def overlap(one: Panel, other: Panel) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    apart = (
        a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    )
    return not apart


def charts(path: Path) -> list[Panel]:
    return [panel for panel in board(path)["panels"] if panel["type"] != "row"]


def test_there_is_one_dashboard_for_those_on_call_and_one_for_revops() -> None:
    assert {board(path)["uid"] for path in PATHS} == {"leadstream-pipeline", "leadstream-revops"}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
class TestDashboard:
    """Each dashboard by itself."""

    def test_panels_have_ids_of_their_own_and_do_not_overlap(self, path: Path) -> None:
        panels = board(path)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert [(a["title"], b["title"]) for a, b in combinations(panels, 2) if overlap(a, b)] == []
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= WIDTH for panel in panels)

    def test_every_chart_is_explained_and_has_a_unit_and_thresholds(self, path: Path) -> None:
        for panel in charts(path):
            assert len(panel["description"]) > 20, panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"], panel["title"]

    def test_every_query_goes_to_the_chosen_data_source_and_has_a_legend(self, path: Path) -> None:
        for panel in charts(path):
            for target in panel["targets"]:
                assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
                assert target["legendFormat"]

    def test_every_variable_is_used_and_every_one_used_is_there(self, path: Path) -> None:
        found = board(path)
        names = {variable["name"] for variable in found["templating"]["list"]} - {"datasource"}
        text = orjson.dumps(found["panels"]).decode()
        assert {name for name in names if f"${name}" in text} == names
        unknown = [query for query in panel_queries() if query.dashboard == path.stem and "$" in query.runnable()]
        assert unknown == []


def test_grafana_finds_dashboards_and_data_source_where_compose_mounts_them() -> None:
    provider = load_yaml(GRAFANA / "provisioning" / "dashboards" / "leadstream.yml")["providers"][0]
    source = load_yaml(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"][0]
    grafana = load_yaml(DEPLOY.parent / "docker-compose.yml")["services"]["grafana"]
    mounted = {volume["target"]: volume["source"] for volume in grafana["volumes"] if volume["type"] == "bind"}
    assert mounted[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    assert mounted["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"
    assert source["url"].removeprefix("$") in grafana["environment"]
