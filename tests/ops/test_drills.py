"""What docs/operations.md tells ops to do, done on the running platform: replay a dead letter, rotate every key."""

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from deploy.backup.programs import url_of
from deploy.databases import name_of
from deploy.demo.stage import Stage
from deploy.local.instance import ROOT
from shared.ids import new_id
from shared.settings import SERVICES
from tests.ops.observed import http
from tests.ops.test_backup import superuser
from tests.support.patience import until
from tests.support.platform import Platform

pytestmark = pytest.mark.whole_system
PATIENCE = 60.0
LETTERS = "/v1/network/billing/dead-letters"


@pytest.fixture
def stage(played: Platform) -> Stage:
    return Stage(played.folder, lambda _: None).at(played.url)


def eventually(look: Callable[[], Any]) -> Any:
    """What `look` returns once it is true."""
    found = until(look, PATIENCE, pause=0.2)
    assert found
    return found


def connect(platform: Platform, service: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url_of(superuser(platform), name_of(service)), autocommit=True)


def dead_letters_told(platform: Platform) -> float:
    """What billing's worker tells Prometheus."""
    page = http.request(
        "GET", f"http://127.0.0.1:{platform.state['ops_ports']['billing-worker']}/metrics"
    ).data.decode()
    return float(page.split('partywall_events_dead{consumer="billing"} ')[1].split("\n")[0])


def lose_a_site(platform: Platform) -> str:
    """As if billing had not been able to apply what it heard of a site; returns the site."""
    with connect(platform, "gateway") as gateway:
        heard = gateway.execute(
            "select event_id, organization_id, sequence, aggregate_id, envelope from event_log"
            " where type = 'gateway.location.recorded' order by sequence limit 1"
        ).fetchone()
    assert heard is not None
    event_id, organization_id, sequence, site, envelope = heard
    with connect(platform, "billing") as billing:
        assert billing.execute("delete from known_location where id = %s", [site]).rowcount == 1
        billing.execute(
            "insert into parked (id, organization_id, version, consumer, event_id, publisher, sequence, type, plane,"
            " aggregate, envelope, status, reason, tries, parked_at) values (%s, %s, 1, 'billing', %s, 'gateway', %s,"
            " 'gateway.location.recorded', 'business', %s, %s, 'dead', 'drill', 5, now())",
            [new_id(), organization_id, event_id, sequence, f"location/{site}", envelope],
        )
    return str(site)


def test_a_dead_letter_is_told_of_shown_and_applied_when_it_is_replayed(played: Platform, stage: Stage) -> None:
    site = lose_a_site(played)
    assert dead_letters_told(played) == 1
    administrator = stage.person("avery.cole")
    [letter] = administrator.get(LETTERS, status="dead").body["items"]
    assert (letter["publisher"], letter["reason"]) == ("gateway", "drill")
    assert administrator.call("POST", f"{LETTERS}/{letter['id']}/replay").status == 200

    def back() -> bool:
        with connect(played, "billing") as billing:
            found = billing.execute("select 1 from known_location where id = %s", [site]).fetchone()
        return found is not None

    assert eventually(back)
    assert eventually(lambda: dead_letters_told(played) == 0)
    assert [each["id"] for each in administrator.get(LETTERS, status="applied").body["items"]] == [letter["id"]]


def test_every_signing_key_is_rotated_while_people_work(played: Platform, stage: Stage) -> None:
    before, folder = stage.person("priya.shah"), str(played.folder / "keys")
    items = "/v1/network/procurement/items"
    assert before.call("GET", items).ok
    for arguments in (*(("rotate", folder, service) for service in SERVICES), ("share", folder, folder)):
        ran = subprocess.run([sys.executable, "-m", "shared.keys", *arguments], cwd=ROOT, check=False)
        assert ran.returncode == 0
    deadline = time.monotonic() + 8  # longer than the processes take to read the change
    while time.monotonic() < deadline:
        assert before.call("GET", items).ok  # signed in under the old key
        time.sleep(0.2)
    again = Stage(played.folder, lambda _: None).at(played.url).person("priya.shah")
    assert again.call("GET", items).ok
    for service in SERVICES:  # feeds are signed too
        settled = played.launcher.run("command", "reconcile", service)
        assert settled.returncode == 0, settled.stdout


def test_the_key_of_encrypted_fields_is_rotated_and_the_old_one_dropped(played: Platform, stage: Stage) -> None:
    tess, accounts = stage.person("tess.ortiz"), f"{stage.site('OAK', 'billing')}/accounts"
    names = [account["name"] for account in tess.get(accounts, purpose="payment").body["items"]]
    for arguments in (("billing", "rotate-field-key"), ("billing", "drop-field-keys")):
        ran = played.launcher.run("command", *arguments)
        assert ran.returncode == 0, ran.stderr
    opened = eventually(lambda: (answer := tess.call("GET", accounts, purpose="payment")).ok and answer.body["items"])
    assert [account["name"] for account in opened] == names != []
