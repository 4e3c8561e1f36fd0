"""The formulary: the business side proposes, the medical director of the entity decides."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.procurement.formulary.models import FormularyEntry
from shared import clock
from shared.contracts.procurement import DecisionTaken
from shared.ids import new_id
from shared.web.operations import HEADER
from tests.procurement.shop import Shop, site_day
from tests.support.callers import Answer
from tests.support.patience import until


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


def spend(shop: Shop, path: str, token: str, **headers: str) -> Answer:
    """Approve a proposal with a token in hand, as whoever found one would."""
    sent = {HEADER: token, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return cast(Answer, shop.app.test_client().post(f"{path}/decision", json={"approved": True}, headers=sent))


def statuses(shop: Shop, *paths: str) -> list[str]:
    reader = shop.as_("auditor", shop.entity())
    return sorted(reader.get(path).json["status"] for path in paths)


def taken(shop: Shop) -> int:
    return len(shop.told("procurement.decision.taken"))


def propose_two(shop: Shop) -> tuple[str, str]:
    shop.item({"sku": "LASER", "name": "Diode laser", "item_class": "device", "unit_chain": "each"}, "54000.00")
    return propose(shop), propose(shop, "LASER")


def test_a_token_of_a_reserved_decision_decides_once(stocked: Shop) -> None:
    first, second = propose_two(stocked)
    before = taken(stocked)
    token = stocked.as_("medical_director", stocked.entity()).token("POST", f"{first}/decision")
    assert spend(stocked, first, token).status_code == 200
    for path in (second, first):
        again = spend(stocked, path, token)
        assert (again.status_code, again.json["type"]) == (409, "/docs/problems#decision-spent")
    assert statuses(stocked, first, second) == ["approved", "proposed"]
    assert taken(stocked) == before + 1


WAITING = text(
    "select count(distinct pid) from pg_locks join pg_stat_activity using (pid)"
    " where not granted and datname = current_database()"
)


def wait_for_locks(session: Session, wanted: int) -> None:
    """Until so many others wait for what this transaction holds."""
    assert until(lambda: session.execute(WAITING).scalar_one() >= wanted, 4, pause=0.02)


def test_a_token_of_a_reserved_decision_decides_once_when_it_is_spent_twice_at_the_same_moment(stocked: Shop) -> None:
    paths = propose_two(stocked)
    before = taken(stocked)
    token = stocked.as_("medical_director", stocked.entity()).token("POST", f"{paths[0]}/decision")
    with ThreadPoolExecutor(2) as pool:
        with stocked.transaction() as session:
            session.execute(select(FormularyEntry.id).with_for_update())
            asked = [pool.submit(spend, stocked, path, token) for path in paths]
            wait_for_locks(session, 2)  # both have found the decision unspent, and wait for what it is about
        answers = [each.result() for each in asked]
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (refused,) = (answer for answer in answers if answer.status_code == 409)
    assert refused.json["type"] == "/docs/problems#decision-spent"
    assert statuses(stocked, *paths) == ["approved", "proposed"]
    assert taken(stocked) == before + 1


def test_a_retry_under_its_key_is_told_what_was_decided_whatever_token_it_brings(stocked: Shop) -> None:
    path, key, before = propose(stocked), str(new_id()), taken(stocked)
    director = stocked.as_("medical_director", stocked.entity())
    token = director.token("POST", f"{path}/decision")
    decided = spend(stocked, path, token, Idempotency_Key=key)
    for retried in (token, director.token("POST", f"{path}/decision")):
        answer = spend(stocked, path, retried, Idempotency_Key=key)
        assert (answer.status_code, answer.json) == (200, decided.json)
        assert answer.headers["Idempotent-Replayed"] == "true"
    assert taken(stocked) == before + 1


def test_nothing_reserved_is_decided_without_a_decision_on_record(stocked: Shop) -> None:
    path = propose(stocked)
    director = stocked.as_("medical_director", stocked.entity(), on_record=False)
    refused = director.post(f"{path}/decision", json={"approved": True})
    assert (refused.status_code, refused.json["type"]) == (403, "/docs/problems#decision-not-on-record")
    assert statuses(stocked, path) == ["proposed"]


def test_a_token_of_a_reserved_decision_expires_unspent(stocked: Shop) -> None:
    path = propose(stocked)
    token = stocked.as_("medical_director", stocked.entity()).token("POST", f"{path}/decision")
    with clock.frozen(datetime.now(UTC) + timedelta(seconds=40)):
        refused = spend(stocked, path, token)
    assert (refused.status_code, refused.json["type"]) == (401, "/docs/problems#bad-token")
    assert statuses(stocked, path) == ["proposed"]
