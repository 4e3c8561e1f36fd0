"""Each scene of the story with its refusals, then what only somebody behind the platform's back can do."""

import csv
import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from stdnum import ean

from deploy.demo import story, supplies
from deploy.demo.people import SITES
from deploy.demo.prospect import Prospect
from deploy.demo.scenes import books, earning, fees, staff, wall
from deploy.demo.scenes.buying import Bought
from deploy.demo.stage import Stage, StoryBroken, company
from services.gateway.roles import ROLES
from services.procurement.catalog.rules import ItemClass
from tests.support.platform import Launcher

pytestmark = pytest.mark.whole_system


def test_the_demo_franchise_has_its_companies_and_sites(stage: Stage) -> None:
    admin = stage.person("avery.cole")
    entities = admin.all("/v1/network/gateway/legal-entities")
    found = sorted((entity["kind"], entity["state"]) for entity in entities if entity["kind"] != "mso")
    assert found == [("clinical_entity", state) for state in ("AZ", "CA", "NY", "TX")]
    assert len([entity for entity in entities if entity["kind"] == "mso"]) == 1
    practices = {entity["id"]: entity["state"] for entity in entities}
    locations = admin.all("/v1/network/gateway/locations")
    assert len(locations) == 6
    assert {location["state"] for location in locations} == {"AZ", "CA", "NY", "TX"}
    assert all(practices[location["legal_entity_id"]] == location["state"] for location in locations)
    assert admin.get("/v1/network/gateway/organization")["id"] == stage.ids["organization"]


def test_agreements_are_in_force_but_for_the_one_that_ended_yesterday(stage: Stage) -> None:
    admin, today = stage.person("avery.cole"), stage.today.isoformat()
    states = {entity["id"]: entity["state"] for entity in admin.all("/v1/network/gateway/legal-entities")}
    sites = {site["id"]: site["legal_entity_id"] for site in admin.all("/v1/network/gateway/locations")}
    agreements = admin.all("/v1/network/gateway/agreements")
    assert {agreement["status"] for agreement in agreements} == {"signed"}
    assert {agreement["mso_id"] for agreement in agreements} == {stage.ids["mso"]}
    covered = [site for agreement in agreements for site in agreement["location_ids"]]
    assert sorted(covered) == sorted(sites)
    assert all(sites[site] == each["legal_entity_id"] for each in agreements for site in each["location_ids"])
    assert all(agreement["starts_on"] <= today for agreement in agreements)
    last = {states[agreement["legal_entity_id"]]: agreement["ends_on"] for agreement in agreements}
    assert last.pop("AZ") == (stage.today - timedelta(days=1)).isoformat()
    assert set(last) == {"CA", "NY", "TX"}
    assert all(day >= today for day in last.values())


def test_there_is_a_person_for_every_role_and_a_machine_for_the_clinical_system(stage: Stage) -> None:
    admin = stage.person("avery.cole")
    kinds = {user["id"]: user["kind"] for user in admin.all("/v1/network/gateway/users")}
    held = {(grant["role"], kinds[grant["user_id"]]) for grant in admin.all("/v1/network/gateway/grants")}
    machines = {role.name for role in ROLES.values() if role.machine}
    assert {role for role, kind in held if kind == "machine"} == machines == {"clinical_system"}
    # A wind-down steward is named when an agreement ends.
    assert {role for role, kind in held if kind == "person"} == set(ROLES) - machines - {"wind_down"}


def test_the_catalogue_is_what_the_files_say_and_can_be_bought(stage: Stage) -> None:
    priya = stage.person("priya.shah")
    vendors = {vendor["code"] for vendor in priya.all("/v1/network/procurement/vendors")}
    assert vendors == {row["code"] for row in rows("vendors.csv")}
    items = {item["sku"]: item for item in priya.all("/v1/network/procurement/items")}
    assert len(items) >= 60
    assert set(items) == {row["sku"] for row in rows("catalogue.csv")}
    for row in rows("catalogue.csv"):
        item = items[row["sku"]]
        assert (item["item_class"], item["unit_chain"], item["gtin"]) == (
            *(row["item_class"], row["unit_chain"], row["gtin"] or None),
        )
        assert not row["gtin"] or ean.is_valid(row["gtin"]), row["gtin"]
        assert row["vendor_code"] in vendors
        assert Decimal(row["price"]) > 0
    assert {item["item_class"] for item in items.values()} == {str(kind) for kind in ItemClass}
    prices = priya.all(f"{stage.site('OAK', 'procurement')}/items/{items['NTX-A050']['id']}/prices")
    assert {Decimal(price["price"]) for price in prices} == {
        Decimal(row["price"]) for row in rows("catalogue.csv") if row["sku"] == "NTX-A050"
    }


def rows(file: str) -> list[dict[str, str]]:
    """A CSV file of the demo franchise."""
    with (supplies.HERE / file).open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_need_is_met_through_the_wall(bought: Bought, stage: Stage) -> None:
    assert {order["legal_entity_id"] for order in bought.orders} == {stage.ids["CA"], stage.ids["mso"]}
    assert [bill["status"] for bill in bought.bills] == ["approved", "approved"]


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


def test_the_story_is_told_again_and_again(bought: Bought, stage: Stage) -> None:
    for _ in range(2):  # a second and a third time: the first are the tests above
        told = story.tell(stage.folder, lambda _: None, stage.base).told
        assert told[-1] == "To verify the audit chain yourself"


def test_a_practice_that_joined_is_found_again_on_a_later_day(stage: Stage) -> None:
    today, tomorrow = (Stage(stage.folder, lambda _: None).at(stage.base) for _ in range(2))
    tomorrow.today += timedelta(days=1)
    for telling in (today, tomorrow):
        Prospect(telling).join()
    assert tomorrow.ids == today.ids


@pytest.mark.parametrize("lie", [{"slug": "self-approval"}, {"policy": "wall.plane"}, {"why": "It is late"},
                                 {"source": "control:none"}, {"who_can": "anybody"}, {"status": 404}])  # fmt: skip
def test_a_refusal_for_another_reason_breaks_the_story(stage: Stage, lie: dict[str, Any]) -> None:
    decision = f"{stage.entity('CA', 'procurement')}/formulary/{stage.ids['CA']}/decision"
    answer = stage.person("priya.shah").call("POST", decision, {"approved": True})
    truth: dict[str, Any] = {
        "status": 403, "slug": "refused", "policy": "wall.reserved-decision", "why": "This decision is reserved",
        "source": "procurement.formulary.approve", "who_can": f"a medical director of {company('CA')}",
    }  # fmt: skip
    stage.refused(answer, words="The buyer decides", **truth)
    with pytest.raises(StoryBroken, match="The buyer decides: expected"):
        stage.refused(answer, words="The buyer decides", **truth | lie)


def test_the_figures_of_the_summary_come_from_the_api(stage: Stage) -> None:
    said: list[str] = []
    entries = [_trail(stage)]
    story.summary(Stage(stage.folder, said.append).at(stage.base))
    entries.append(_trail(stage))
    text = "\n".join(said)
    told = {words: int(count) for count, words in re.findall(r"(\d+) ([a-z ]+?)(?:,|$)", text, re.MULTILINE)}
    assert entries[0] <= told.pop("entries in the audit chain") <= entries[1]
    # Site by site and company by company, by somebody else than who told it.
    sites = [site.code for site in SITES if site.practice != "AZ"]
    practices = ("CA", "NY", "TX")
    assert told == {
        "purchase orders": sum(_count(stage, stage.site(code, "procurement") + "/orders") for code in sites),
        "receipts": sum(_count(stage, stage.site(code, "procurement") + "/receipts") for code in sites),
        "invoices": sum(_count(stage, stage.site(code, "billing") + "/invoices") for code in sites),
        "fee statements": sum(_count(stage, stage.entity(key, "billing") + "/fee-statements") for key in practices),
        "reserved decisions on record": _count(stage, "/v1/network/gateway/reserved-decisions"),
    }
    assert all(told.values())
    books_told = re.findall(r"Books of (.+)\n +-> debits (\S+) = credits (\S+)$", text, re.MULTILINE)
    named = {company("CA"): "CA", company("TX"): "TX", "the MSO": "mso"}
    assert {named[name] for name, _, _ in books_told} == set(named.values())
    for name, debits, credits in books_told:
        total = _posted(stage, named[name])
        assert Decimal(debits) == Decimal(credits) == total > 0


def _count(stage: Stage, path: str) -> int:
    return len(stage.person("ivy.chan").all(path))


def _trail(stage: Stage) -> int:
    return int(stage.person("ivy.chan").get("/v1/network/gateway/audit/verification")["entries"])


def _posted(stage: Stage, key: str) -> Decimal:
    """The sum of a company's journal."""
    entries = stage.person("ivy.chan").all(stage.entity(key, "billing") + "/journal")
    return sum((Decimal(entry["total"]) for entry in entries), Decimal(0))


def test_a_byte_changed_behind_its_back_breaks_the_chain_where_it_was_changed(platform: Launcher, stage: Stage) -> None:
    verify = ("command", "gateway", "audit", "verify", "--organization", stage.ids["organization"])
    ruth, path = stage.person("ruth.adler"), "/v1/network/gateway/audit/verification"
    sound = platform.run(*verify)
    assert (sound.returncode, sound.stderr) == (0, "")
    position = json.loads(sound.stdout)["entries"] // 2
    event = change_a_byte(platform, stage, position)
    broken = platform.run(*verify)
    assert broken.returncode == 1
    assert f"entry {position} (event {event}): " in broken.stderr
    found = json.loads(broken.stdout)
    assert (found["sound"], found["position"], found["entries"]) == (False, position, position - 1)
    answer = ruth.get(path).body
    assert (answer["sound"], answer["position"], answer["event_id"]) == (False, position, event)
    with pytest.raises(StoryBroken, match="the audit chain is sound"):
        wall.the_trail(stage)
    change_a_byte(platform, stage, position)
    assert platform.run(*verify).returncode == 0
    assert ruth.get(path)["sound"] is True


def change_a_byte(platform: Launcher, stage: Stage, position: int) -> str:
    """Turn a bit of an entry of the trail over, or back, and return the entry's event."""
    settings = platform.state()["settings"]
    secret = json.loads((stage.folder / "secrets.json").read_text())
    owner = settings["DATABASE_URL"].replace("{service}", "gateway").replace(secret["app"], secret["owner"])
    with psycopg.connect(owner.replace("partywall_app", "partywall_owner")) as behind:
        # Only the owner of the tables can do this; the application may neither update nor lift the policies.
        behind.execute("alter table audit_entry no force row level security")
        behind.execute("alter table audit_entry disable trigger user")
        changed = behind.execute(
            "update audit_entry set envelope = set_byte(envelope, 40, get_byte(envelope, 40) # 1)"
            " where organization_id = %s and position = %s returning event_id",
            (stage.ids["organization"], position),
        ).fetchone()
    assert changed is not None
    return str(changed[0])
