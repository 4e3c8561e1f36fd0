"""What rules and dashboards ask for, and what the processes of a platform tell."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.instance import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
# What Prometheus itself makes or adds.
ITS_OWN = {"up": set[str](), "ALERTS": {"alertname", "alertstate", "severity"}}
ADDED_LABELS = {"job", "instance"}
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
http = urllib3.PoolManager(retries=False, timeout=30)
Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """An expression and where it stands."""

    where: str
    expr: str


def rules() -> list[Json]:
    """Every rule of every file."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[Json]:
    return [rule for rule in rules() if "alert" in rule]


def dashboards() -> list[Json]:
    return [json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))]


def panels(dashboard: Json) -> list[Json]:
    """Its pictures, without the headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def asked_by_rules() -> list[Asked]:
    return [Asked(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def asked_by_dashboards() -> list[Asked]:
    """The queries of panels and of variables; Grafana's own words stand in them as they are."""
    found = []
    for dashboard in dashboards():
        for variable in dashboard["templating"]["list"]:
            query = re.fullmatch(r"query_result\((.*)\)", variable["query"]["query"])
            assert query, variable
            found.append(Asked(f"{dashboard['uid']}, variable {variable['name']}", query[1]))
        for panel in panels(dashboard):
            found += [Asked(f"{dashboard['uid']}, {panel['title']}", each["expr"]) for each in panel["targets"]]
    return found


def with_values(expr: str, variables: Mapping[str, str]) -> str:
    """The expression as Grafana sends it."""
    for name, value in {"__rate_interval": "1m", **variables}.items():
        expr = expr.replace(f"${name}", value)
    return expr


def scrape(ports: Iterable[int]) -> dict[str, set[str]]:
    """What the processes tell: metric -> labels of its series (none where it has no series yet)."""
    told: dict[str, set[str]] = {}
    for port in ports:
        for name, labels in _told(http.request("GET", f"http://127.0.0.1:{port}/metrics").data.decode()):
            told.setdefault(name, set()).update(labels)
    return told


def _told(page: str) -> Iterator[tuple[str, set[str]]]:
    for family in text_string_to_metric_families(page):
        for suffix in _SUFFIXES.get(family.type, ("",)):
            yield family.name + suffix, set()
        for sample in family.samples:
            yield sample.name, set(sample.labels)
