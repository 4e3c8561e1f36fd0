"""The dashboards: written from code, complete, and each names only what is there."""

import json
import re
from collections import Counter

import yaml

from deploy.grafana.__main__ import DASHBOARDS, FOLDER, page
from deploy.local.instance import ROOT
from tests.ops.observed import Json, asked_by_dashboards, dashboards, panels, rules
from tests.ops.promql import names

PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"


def test_the_files_are_what_the_code_says() -> None:
    written = {f"{dashboard.name}.json": page(dashboard) for dashboard in DASHBOARDS}
    found = {file.name: file.read_text() for file in FOLDER.iterdir()}
    assert found == written, "dashboards are behind the code: run `make dashboards`"


def test_addresses_and_numbers_are_given_once() -> None:
    uids = [dashboard["uid"] for dashboard in dashboards()]
    assert sorted(uids) == ["partywall-bus", "partywall-network", "partywall-site", "partywall-wall"]
    for dashboard in dashboards():
        ids = Counter(panel["id"] for panel in dashboard["panels"])
        assert max(ids.values()) == 1, dashboard["uid"]


def cells(panel: Json) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}


def test_panels_lie_beside_each_other_within_the_grid() -> None:
    for dashboard in dashboards():
        taken = Counter(cell for panel in dashboard["panels"] for cell in cells(panel))
        assert max(taken.values()) == 1, dashboard["uid"]
        assert max(x for x, _ in taken) < 24, dashboard["uid"]


def test_every_variable_that_is_used_is_defined_and_every_one_defined_is_used() -> None:
    for dashboard in dashboards():
        defined = {variable["name"] for variable in dashboard["templating"]["list"]}
        used = set(re.findall(r"\$\{?(\w+)", json.dumps([panels(dashboard)]))) - {"__rate_interval"}
        assert used == defined, dashboard["uid"]


def test_the_choice_of_a_site_shows_its_name_and_uses_its_id() -> None:
    [site] = [dashboard for dashboard in dashboards() if dashboard["uid"] == "partywall-site"]
    [variable] = site["templating"]["list"]
    pattern = variable["regex"].strip("/").replace("(?<", "(?P<")
    # Grafana puts a series into one line, its labels in the order of their names.
    for line in ('{name="Oakland", site="01a2"} 1 1', '{name="Oakland",site="01a2"} 1 1'):
        found = re.search(pattern, line)
        assert found and (found["text"], found["value"]) == ("Oakland", "01a2")


def test_panels_ask_the_data_source_that_is_provisioned() -> None:
    [source] = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"]
    asked = {
        target["datasource"]["uid"]
        for dashboard in dashboards()
        for panel in panels(dashboard)
        for target in panel["targets"]
    }
    assert asked == {source["uid"]}


def test_compose_puts_dashboards_where_grafana_is_told_to_look() -> None:
    [provider] = yaml.safe_load((PROVISIONING / "dashboards" / "partywall.yml").read_text())["providers"]
    service = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["grafana"]
    mounted = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounted["./grafana/dashboards"] == provider["options"]["path"]
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].startswith(provider["options"]["path"])
    assert service["profiles"] == ["observability"]


def test_recorded_series_that_are_shown_are_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    shown = {name for asked in asked_by_dashboards() for name in names(asked.expr).metrics if ":" in name}
    assert shown <= recorded
