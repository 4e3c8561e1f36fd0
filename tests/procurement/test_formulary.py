"""The formulary: the business side proposes, the medical director of the entity decides."""

from datetime import UTC, datetime, timedelta

from shared import clock
from shared.contracts.procurement import DecisionTaken
from tests.procurement.shop import Shop, site_day


def propose(shop: Shop, sku: str = "NTX-100", role: str = "network_buyer") -> str:
    body = {"item_id": shop.items[sku], "reason": "Cheaper than what we use."}
    answer = shop.as_(role, shop.entity()).post("/formulary", json=body)
    assert answer.status_code == 201, answer.json
    return f"/formulary/{answer.json['id']}"


def test_the_buyer_cannot_decide_and_learns_which_rule_says_so(stocked: Shop) -> None:
    path = propose(stocked)
    refused = stocked.as_("network_buyer", stocked.entity()).post(f"{path}/decision", json={"approved": True})
    assert refused.status_code == 403
    assert refused.json["source"] == "procurement.formulary.approve"
    assert stocked.as_("auditor", stocked.entity()).get(path).json["status"] == "proposed"


def test_an_owner_who_is_no_medical_director_cannot_decide(stocked: Shop) -> None:
    path = propose(stocked)
    owner = stocked.as_("clinical_entity_owner", stocked.entity())
    assert owner.post(f"{path}/decision", json={"approved": True}).status_code == 403


def test_the_medical_director_of_another_entity_does_not_even_find_it(stocked: Shop) -> None:
    path = propose(stocked)
    stranger = stocked.as_("medical_director", stocked.entity(stocked.ny))
    assert stranger.post(f"{path}/decision", json={"approved": True}).status_code == 404


def test_a_decision_is_recorded_with_rule_source_licence_and_proposer(stocked: Shop) -> None:
    entry = stocked.approve_item("NTX-100")
    assert (entry["status"], entry["decided_by_name"]) == ("approved", "A medical director")
    taken = stocked.told("procurement.decision.taken")[-1].event()
    assert isinstance(taken, DecisionTaken)
    assert (taken.decision, taken.outcome) == ("procurement.formulary.approve", "approved")
    assert (taken.licence, taken.decider_role) == ("CA A12345", "medical_director")
    assert taken.before == {"status": "proposed", "starts_on": str(site_day()), "ends_on": None}
    assert taken.sources and str(taken.record_id) == entry["decision_record_id"]
    assert stocked.told("procurement.formulary_entry.decided")[-1].legalentityid == stocked.ca


def test_each_class_is_decided_under_its_own_rule(stocked: Shop) -> None:
    laser = {"sku": "LASER", "name": "Diode laser", "item_class": "device", "unit_chain": "each"}
    stocked.item(laser, "54000.00")
    stocked.approve_item("LASER")
    decided = [told.event() for told in stocked.told("procurement.decision.taken")]
    names = [event.decision for event in decided if isinstance(event, DecisionTaken)]
    assert names == ["procurement.supply.clinical.approve", "procurement.device.approve"]


def test_a_proposal_is_decided_once_and_an_item_proposed_once(stocked: Shop) -> None:
    path = propose(stocked)
    body = {"item_id": stocked.items["NTX-100"], "reason": "Again."}
    assert stocked.as_("network_buyer", stocked.entity()).post("/formulary", json=body).status_code == 409
    director = stocked.as_("medical_director", stocked.entity())
    assert director.post(f"{path}/decision", json={"approved": False, "note": "No."}).json["status"] == "refused"
    assert director.post(f"{path}/decision", json={"approved": True}).status_code == 409
    assert propose(stocked) != path


def test_business_items_and_management_companies_have_no_formulary(stocked: Shop) -> None:
    body = {"item_id": stocked.items["PAPER"], "reason": "x"}
    assert stocked.as_("network_buyer", stocked.entity()).post("/formulary", json=body).status_code == 422
    scope = stocked.entity(stocked.mso)
    body = {"item_id": stocked.items["NTX-100"], "reason": "x"}
    assert stocked.as_("network_buyer", scope).post("/formulary", json=body).status_code == 422


def test_an_approval_counts_from_its_first_day(stocked: Shop) -> None:
    start = site_day() + timedelta(days=3)
    body = {"item_id": stocked.items["NTX-100"], "reason": "x", "starts_on": str(start)}
    entry = stocked.as_("network_buyer", stocked.entity()).post("/formulary", json=body).json
    director = stocked.as_("medical_director", stocked.entity())
    director.post(f"/formulary/{entry['id']}/decision", json={"approved": True})
    assert stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True).status_code == 409
    with clock.frozen(clock.now() + timedelta(days=3)):
        assert stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True).status_code == 201


def test_a_decision_late_at_night_counts_the_same_day_at_the_site(stocked: Shop) -> None:
    # 23:30 in California is the next day in UTC already.
    with clock.frozen(datetime(2026, 11, 22, 7, 30, tzinfo=UTC)):
        assert stocked.approve_item("NTX-100")["starts_on"] == "2026-11-21"
        assert stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True).status_code == 201


def test_a_withdrawal_ends_the_listing_and_revokes_the_approval(stocked: Shop) -> None:
    entry = stocked.approve_item("NTX-100")
    stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True)
    director = stocked.as_("medical_director", stocked.entity())
    withdrawn = director.post(f"/formulary/{entry['id']}/withdrawal", json={"note": "Reactions."})
    assert withdrawn.json["ends_on"] == str(site_day() - timedelta(days=1))
    assert stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True).status_code == 409
    taken = stocked.told("procurement.decision.taken")[-1].event()
    assert isinstance(taken, DecisionTaken)
    assert (taken.outcome, str(taken.revokes)) == ("revoked", entry["decision_record_id"])
