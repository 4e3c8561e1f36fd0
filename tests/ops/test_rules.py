"""The alert rules: each is tested, says how bad it is and where to read on; Prometheus's own checks, where it is."""

import re
import shutil
import subprocess
from collections import Counter

import pytest
import yaml

from deploy.local import prometheus
from deploy.local.instance import ROOT
from tests.ops.observed import PROMETHEUS, alerts, asked_by_rules, rules
from tests.ops.promql import names


def promtool(*arguments: str) -> None:
    """Run Prometheus's checker; says loudly where there is none, and checks nothing then."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip(
            "PROMTOOL IS NOT HERE: RULES WERE NOT CHECKED BY PROMETHEUS ITSELF (Debian: apt install prometheus)"
        )
    ran = subprocess.run([program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def rule_tests() -> list[str]:
    return sorted(str(file.relative_to(PROMETHEUS)) for file in (PROMETHEUS / "tests").glob("*.yml"))


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    promtool("check", "config", "--lint-fatal", "prometheus.yml")


@pytest.mark.parametrize("file", rule_tests())
def test_each_rule_does_what_its_tests_say(file: str) -> None:
    promtool("test", "rules", file)


def test_each_alert_is_tested_once_firing_and_once_quiet() -> None:
    firing, quiet = Counter[str](), Counter[str]()
    for file in rule_tests():
        for case in yaml.safe_load((PROMETHEUS / file).read_text())["tests"]:
            for expected in case["alert_rule_test"]:
                (firing if expected["exp_alerts"] else quiet)[expected["alertname"]] += 1
    every = {alert["alert"] for alert in alerts()}
    # What is not yet burning slowly is what the fast alert's cases show; its own quiet case would be a day of silence.
    slow = {name for name in every if name.endswith("Slowly")}
    assert (set(firing), set(quiet)) == (every, every - slow)


def test_each_alert_says_how_bad_it_is_and_where_to_read_on() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    headings = {heading.lower() for heading in re.findall(r"^#{2,4} (\w+)$", page, re.MULTILINE)}
    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket"), alert["alert"]
        assert {"summary", "description", "runbook"} <= set(alert["annotations"]), alert["alert"]
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
        assert alert["alert"].lower() in headings, f"docs/operations.md does not say what to do about {alert['alert']}"


def test_names_are_given_once_and_recorded_before_they_are_used() -> None:
    given = Counter(rule.get("alert") or rule["record"] for rule in rules())
    assert {name for name, count in given.items() if count > 1} == set()
    used = {name for asked in asked_by_rules() for name in names(asked.expr).metrics if ":" in name}
    assert used <= set(given)


def test_on_this_machine_every_process_is_scraped_under_the_name_it_has_in_containers() -> None:
    ports = {f"{service}-{kind}": 9000 for service in ("gateway", "hr") for kind in ("web", "worker")}
    here = prometheus.configuration(ports)
    instances = {
        job["job_name"]: [target["labels"]["instance"] for target in job["static_configs"]]
        for job in here["scrape_configs"]
    }
    assert instances == {"partywall-web": ["gateway", "hr"], "partywall-worker": ["gateway-worker", "hr-worker"]}
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    scraped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in scraped for static in job["static_configs"] for target in static["targets"]}
    serving = {name for name, service in compose.items() if (service.get("command") or [""])[0] in ("web", "worker")}
    assert targets == {f"{name}:9000" for name in serving}
