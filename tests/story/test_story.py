"""Each scene of the story with its refusals, then what only somebody behind the platform's back can do."""

import json

import psycopg
import pytest

from deploy.demo import story
from deploy.demo.people import COMPANIES, SITES
from deploy.demo.scenes import books, earning, fees, staff, wall
from deploy.demo.scenes.buying import Bought
from deploy.demo.stage import Stage
from tests.support.platform import Launcher

pytestmark = pytest.mark.whole_system


def test_the_demo_franchise_is_what_it_is_said_to_be(stage: Stage) -> None:
    admin = stage.person("avery.cole")
    entities = admin.all("/v1/network/gateway/legal-entities")
    assert sorted(entity["state"] for entity in entities if entity["kind"] == "clinical_entity") == [
        *sorted(company.state for company in COMPANIES if company.kind == "clinical_entity")
    ]
    assert len(admin.all("/v1/network/gateway/locations")) == len(SITES) == 6
    assert len(stage.person("priya.shah").all("/v1/network/procurement/items")) >= 60


def test_a_need_is_met_through_the_wall(bought: Bought, stage: Stage) -> None:
    assert {order["legal_entity_id"] for order in bought.orders} == {stage.ids["CA"], stage.ids["mso"]}
    assert bought.bill["status"] == "approved"


def test_what_was_bought_stands_in_the_right_books(bought: Bought, stage: Stage) -> None:
    books.play(stage, bought)


def test_people_are_employed_trained_and_rostered_by_the_rules(stage: Stage) -> None:
    staff.play(stage)


def test_revenue_is_earned_and_patient_data_stays_behind_the_wall(stage: Stage) -> None:
    earning.play(stage)


def test_the_manager_is_paid_as_each_state_allows(stage: Stage) -> None:
    fees.play(stage)


def test_the_wall_holds_between_sites_entities_and_planes(stage: Stage) -> None:
    wall.play(stage)


def test_the_figures_of_the_summary_come_from_the_api(stage: Stage) -> None:
    before = len(stage.told)
    story.summary(stage)
    assert any("purchase orders" in words and not words.startswith("0 ") for words in stage.told[before:])


def test_a_byte_changed_behind_its_back_breaks_the_chain_where_it_was_changed(platform: Launcher, stage: Stage) -> None:
    settings = platform.state()["settings"]
    owner = settings["DATABASE_URL"].replace("{service}", "gateway").replace("partywall_app", "partywall_owner")
    secret = json.loads((platform.home / "1" / "secrets.json").read_text())
    owner = owner.replace(secret["app"], secret["owner"])
    organization = stage.ids["organization"]
    sound = platform.run("command", "gateway", "audit", "verify", "--organization", organization)
    assert sound.returncode == 0, sound.stderr
    with psycopg.connect(owner) as behind:
        # Only the owner of the tables can do this; the application may neither update nor lift the policies.
        behind.execute("alter table audit_entry no force row level security")
        behind.execute("alter table audit_entry disable trigger user")
        behind.execute(
            "update audit_entry set envelope = set_byte(envelope, 40, get_byte(envelope, 40) # 1)"
            " where organization_id = %s and position = 7",
            (organization,),
        )
    broken = platform.run("command", "gateway", "audit", "verify", "--organization", organization)
    assert broken.returncode == 1
    assert "entry 7" in broken.stderr
    answer = stage.person("ruth.adler").get("/v1/network/gateway/audit/verification").body
    assert (answer["sound"], answer["position"]) == (False, 7)
