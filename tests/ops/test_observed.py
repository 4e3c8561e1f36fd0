"""Everything rules and dashboards name is told by the running platform, and Prometheus makes sense of it."""

import re

import pytest

from deploy.local.instance import ROOT
from shared.settings import SERVICES
from tests.ops.observed import (
    ADDED_LABELS,
    ITS_OWN,
    Asked,
    asked_by_dashboards,
    asked_by_rules,
    rules,
    scrape,
    with_values,
)
from tests.ops.promql import names
from tests.ops.watcher import Watcher
from tests.support.platform import Platform

pytestmark = pytest.mark.whole_system
ASKED = asked_by_rules() + asked_by_dashboards()
# Nothing to be seen on a healthy platform without a broker: errors, what exceeds a bound, what a broker confirms.
MAY_BE_EMPTY = re.compile(r" > 0\b|partywall_events_confirmed_total|ALERTS")


@pytest.fixture(scope="module")
def told(played: Platform) -> dict[str, set[str]]:
    """Metric -> labels, of all eight processes."""
    return {**scrape(played.state["ops_ports"].values()), **ITS_OWN}


@pytest.fixture
def watched(played: Platform, watcher: Watcher | None) -> Watcher:
    if watcher is None:
        pytest.skip("PROMETHEUS IS NOT HERE: NO RULE AND NO DASHBOARD WAS EVALUATED (Debian: apt install prometheus)")
    return watcher


def test_every_metric_a_rule_or_a_dashboard_names_is_told(told: dict[str, set[str]]) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    missing = {
        f"{metric} ({asked.where})"
        for asked in ASKED
        for metric in names(asked.expr).metrics
        if metric not in told and metric not in recorded
    }
    assert missing == set()


def test_every_label_by_which_series_are_chosen_or_grouped_is_theirs(told: dict[str, set[str]]) -> None:
    wrong = set()
    for asked in ASKED:
        named = names(asked.expr)
        for metric, labels in named.metrics.items():
            if told.get(metric):
                wrong |= {f"{metric} has no {label} ({asked.where})" for label in labels - told[metric] - ADDED_LABELS}
        known = ADDED_LABELS.union(*(told.get(metric, set()) for metric in named.metrics))
        if known == ADDED_LABELS and not named.metrics.keys() & ITS_OWN.keys():
            continue  # nothing of it has a series yet: what only a broker confirms
        wrong |= {f"nothing has {label} ({asked.where})" for label in named.labels - known}
    assert wrong == set()


def test_every_metric_of_ours_is_documented(told: dict[str, set[str]]) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    ours = {name for name in told if name.startswith("partywall_") and not name.endswith("_created")}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours}
    assert {name for name in families if f"`{name}`" not in page} == set()


def test_a_site_is_named_only_by_few_metrics_and_only_by_workers(played: Platform, told: dict[str, set[str]]) -> None:
    sited = {metric for metric, labels in told.items() if "site" in labels and not metric.endswith("_created")}
    assert len(sited) <= 9
    webs = [port for process, port in played.state["ops_ports"].items() if process.endswith("-web")]
    assert {metric for metric, labels in scrape(webs).items() if "site" in labels} == set()


def test_prometheus_reaches_every_process(watched: Watcher) -> None:
    def up() -> set[str]:
        return {each["metric"]["instance"] for each in watched.series("up == 1")}

    every = {*SERVICES, *(f"{service}-worker" for service in SERVICES)}
    assert watched.until(lambda: up() == every), watched.ask("targets", state="active")


def test_prometheus_evaluates_every_rule(watched: Watcher) -> None:
    def states() -> dict[str, str]:
        groups = watched.ask("rules")["groups"]
        return {rule["name"]: f"{rule['health']} {rule.get('lastError', '')}" for g in groups for rule in g["rules"]}

    every = {rule.get("alert") or rule["record"] for rule in rules()}
    assert watched.until(lambda: set(states().values()) == {"ok "}), states()
    assert set(states()) == every


def test_a_healthy_platform_sets_off_no_alarm_about_its_proofs_and_its_events(watched: Watcher) -> None:
    quiet = "AuditChainBroken|EventLogBroken|DecisionsLost|NoRelay|DeadLetters|DatabasePoolExhausted|ProofOverdue"
    assert watched.until(lambda: watched.series("min(partywall_audit_chain_sound)") != [])
    # Those that wait for the first walk along the chains are pending until Prometheus has heard of it.
    alarms = f'ALERTS{{alertname=~"{quiet}"}}'
    assert watched.until(lambda: watched.series(alarms) == []), watched.series(alarms)


@pytest.mark.parametrize("asked", asked_by_dashboards(), ids=lambda asked: asked.where)
def test_prometheus_answers_every_query_of_a_dashboard(watched: Watcher, asked: Asked) -> None:
    def site() -> str:
        [ours] = watched.series('partywall_site_info{code="OAK"}') or [{"metric": {"site": "none"}}]
        return str(ours["metric"]["site"])

    def answered() -> bool:
        return bool(watched.series(with_values(asked.expr, {"site": site()})))

    assert answered() or MAY_BE_EMPTY.search(asked.expr) or watched.until(answered)
