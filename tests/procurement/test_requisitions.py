"""Requisitions: drafted, submitted, approved within limits, ordered once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

from sqlalchemy import update

from shared.directory import KnownAgreement
from shared.ids import new_id
from shared.tenancy import Scope
from tests.procurement.shop import Shop, agreement, key, site_day


def test_a_site_drafts_with_exact_amounts_and_the_cheapest_price(stocked: Shop) -> None:
    answer = stocked.draft(stocked.line("NTX-100", "0.5", "box"), stocked.line("GLV-M", "3", "box"))
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    assert answer.json["number"] == f"REQ-LA-{site_day().year}-000001"
    assert (answer.json["status"], answer.json["total"]) == ("draft", "2437.50")
    assert [line["base_quantity"] for line in answer.json["lines"]] == ["500", "300"]
    assert [line["amount"] for line in answer.json["lines"]] == ["2400.00", "37.50"]
    assert stocked.told("procurement.requisition.submitted") == []


def test_a_clinical_item_that_is_not_on_the_formulary_is_refused_by_name_with_what_to_do(stocked: Shop) -> None:
    manager = stocked.as_("location_manager")
    drafted = stocked.draft(
        stocked.line("GLV-M", "1", "box"),
        stocked.line("NTX-100", "1", "box"),
        stocked.line("PAPER", "1", "carton"),
        requester=manager,
    )
    refused = manager.post(f"/requisitions/{drafted.json['id']}/submission")
    assert refused.status_code == 409
    assert refused.json["type"].endswith("not-on-formulary")
    assert "Botulinum toxin type A, 100 U (NTX-100)" in refused.json["detail"]
    assert "a medical director of Lakeside Aesthetics PC decides" in refused.json["detail"]
    assert [error["pointer"] for error in refused.json["errors"]] == ["/lines/1"]
    stocked.approve_item("NTX-100")
    submitted = manager.post(f"/requisitions/{drafted.json['id']}/submission")
    assert (submitted.status_code, submitted.json["status"]) == (200, "submitted")
    assert len(submitted.json["lines"]) == 3
    [told] = stocked.told("procurement.requisition.submitted")
    assert told.locationid == stocked.site


def test_drafting_and_submitting_at_once_is_refused_whole(stocked: Shop) -> None:
    refused = stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True)
    assert refused.status_code == 409
    assert stocked.as_("location_manager").get("/requisitions").json["items"] == []


def test_the_formulary_of_another_entity_does_not_help(stocked: Shop) -> None:
    stocked.approve_item("NTX-100", stocked.ny)
    assert stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True).status_code == 409
    there = stocked.as_("location_manager", stocked.at(stocked.far))
    assert stocked.draft(stocked.line("NTX-100", "1", "box"), requester=there, submit=True).status_code == 201


def test_lines_that_have_no_answer_are_all_named(stocked: Shop) -> None:
    refused = stocked.draft(
        stocked.line("PAPER", "1", "pallet"),
        stocked.line("PAPER", "1", "ream"),
        {"item_id": str(new_id()), "quantity": "1", "unit": "box"},
        stocked.line("PAPER", "1", "carton"),
    )
    assert refused.status_code == 409
    assert [error["pointer"] for error in refused.json["errors"]] == ["/lines/0", "/lines/1", "/lines/2"]
    assert "no price per ream" in refused.json["errors"][1]["detail"]


def test_bad_input_is_refused_with_pointers(stocked: Shop) -> None:
    for quantity in ("0", "-1", "1e3", "NaN", 1.5, "1.1234567"):
        line = {**stocked.line("PAPER", "1", "carton"), "quantity": quantity}
        refused = stocked.draft(line)
        assert refused.status_code == 422, quantity
        assert refused.json["errors"][0]["pointer"] == "/lines/0/quantity"
    assert stocked.draft().status_code == 422
    assert stocked.draft(stocked.line("PAPER", "1", "carton"), colour="red").status_code == 422


def test_an_amount_beyond_what_money_can_be_is_refused(stocked: Shop) -> None:
    stocked.price("PAPER", "999999999999.9999", "ream")
    refused = stocked.draft(stocked.line("PAPER", "999999999", "ream"))
    assert refused.status_code == 409
    assert "this large" in refused.json["errors"][0]["detail"]


def test_a_requester_cannot_approve_their_own_requisition(stocked: Shop) -> None:
    manager = stocked.as_("location_manager")
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), requester=manager, submit=True)
    refused = manager.post(f"/requisitions/{drafted.json['id']}/approval")
    assert (refused.status_code, refused.json["type"].rsplit("#")[-1]) == (403, "self-approval")


def test_an_approver_above_whose_limit_it_lies_cannot_the_next_can(stocked: Shop) -> None:
    drafted = stocked.draft(stocked.line("PAPER", "10", "carton"), submit=True)
    path = f"/requisitions/{drafted.json['id']}/approval"
    refused = stocked.as_("location_manager", limits={"approval": Decimal("399.99")}).post(path)
    assert refused.status_code == 403
    assert (refused.json["limit"], refused.json["total"]) == ("399.99", "400.00")
    assert stocked.as_("location_manager", limits={}).post(path).status_code == 403
    approved = stocked.as_("network_buyer", limits={"approval": Decimal("400")}).post(path)
    assert (approved.status_code, approved.json["status"]) == (200, "approved")


def test_approving_twice_is_once(stocked: Shop) -> None:
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), submit=True)
    buyer, other = stocked.as_("network_buyer"), stocked.as_("network_buyer")
    path = f"/requisitions/{drafted.json['id']}/approval"
    assert [buyer.post(path).status_code, buyer.post(path).status_code] == [200, 200]
    assert other.post(path).status_code == 409
    assert len(stocked.orders(drafted.json["id"])) == 1
    assert len(stocked.told("procurement.requisition.approved")) == 1


def test_two_approvers_at_once_place_one_order(stocked: Shop) -> None:
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), submit=True)
    buyers = [stocked.as_("network_buyer") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        path = f"/requisitions/{drafted.json['id']}/approval"
        statuses = sorted(pool.map(lambda buyer: buyer.post(path).status_code, buyers))
    assert statuses == [200, 409, 409, 409]
    assert len(stocked.orders(drafted.json["id"])) == 1


def test_the_same_key_sent_twice_drafts_once(stocked: Shop) -> None:
    manager, headers = stocked.as_("location_manager"), key()
    body = {"lines": [stocked.line("PAPER", "1", "carton")]}
    first = manager.post("/requisitions", json=body, headers=headers)
    again = manager.post("/requisitions", json=body, headers=headers)
    assert (first.json["id"], again.headers["Idempotent-Replayed"]) == (again.json["id"], "true")
    other = manager.post("/requisitions", json={**body, "note": "x"}, headers=headers)
    assert other.status_code == 422
    assert len(manager.get("/requisitions").json["items"]) == 1


def test_a_rejected_requisition_goes_back_and_is_submitted_again(stocked: Shop) -> None:
    manager, buyer = stocked.as_("location_manager"), stocked.as_("network_buyer")
    drafted = stocked.draft(stocked.line("PAPER", "9", "carton"), requester=manager, submit=True)
    path = f"/requisitions/{drafted.json['id']}"
    rejected = buyer.post(f"{path}/rejection", json={"reason": "Half will do."})
    assert (rejected.json["status"], rejected.json["decision_reason"]) == ("rejected", "Half will do.")
    body = {"lines": [stocked.line("PAPER", "4", "carton")]}
    changed = manager.put(path, json=body, headers={"If-Match": rejected.headers["ETag"]})
    assert (changed.status_code, changed.json["total"]) == (200, "160.00")
    assert manager.post(f"{path}/submission").json["status"] == "submitted"
    assert buyer.post(f"{path}/approval").status_code == 200
    assert len(stocked.told("procurement.requisition.submitted")) == 2


def test_only_the_requester_changes_a_draft_and_only_the_version_they_read(stocked: Shop) -> None:
    manager = stocked.as_("location_manager")
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), requester=manager)
    path, body = f"/requisitions/{drafted.json['id']}", {"lines": [stocked.line("PAPER", "2", "carton")]}
    assert manager.put(path, json=body).status_code == 428
    assert manager.put(path, json=body, headers={"If-Match": '"9"'}).status_code == 412
    other = stocked.as_("location_manager")
    assert other.put(path, json=body, headers={"If-Match": '"1"'}).status_code == 403
    assert manager.put(path, json=body, headers={"If-Match": '"1"'}).headers["ETag"] == '"2"'
    assert manager.put(path, json=body, headers={"If-Match": '"1"'}).status_code == 412


def test_a_change_of_lines_alone_makes_a_new_version(stocked: Shop) -> None:
    manager = stocked.as_("location_manager")
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), requester=manager)
    same = {"lines": [stocked.line("PAPER", "1", "carton")]}
    changed = manager.put(f"/requisitions/{drafted.json['id']}", json=same, headers={"If-Match": '"1"'})
    assert changed.headers["ETag"] == '"2"'


def test_what_was_ordered_is_not_cancelled_here(stocked: Shop) -> None:
    manager = stocked.as_("location_manager")
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), requester=manager, submit=True)
    path = f"/requisitions/{drafted.json['id']}"
    stocked.as_("network_buyer").post(f"{path}/approval")
    assert manager.post(f"{path}/cancellation").status_code == 409
    second = stocked.draft(stocked.line("PAPER", "1", "carton"), requester=manager, submit=True)
    cancelled = manager.post(f"/requisitions/{second.json['id']}/cancellation")
    assert cancelled.json["status"] == "cancelled"
    assert stocked.as_("network_buyer").post(f"/requisitions/{second.json['id']}/approval").status_code == 409
    assert len(stocked.told("procurement.requisition.cancelled")) == 1


def test_clinical_items_are_bought_by_the_clinical_entity_and_paper_by_the_mso(stocked: Shop) -> None:
    drafted = stocked.draft(stocked.line("GLV-M", "2", "box"), stocked.line("PAPER", "1", "carton"), submit=True)
    stocked.as_("network_buyer").post(f"/requisitions/{drafted.json['id']}/approval")
    orders = {order["legal_entity_id"]: order for order in stocked.orders(drafted.json["id"])}
    assert set(orders) == {str(stocked.ca), str(stocked.mso)}
    assert [line["sku"] for line in orders[str(stocked.ca)]["lines"]] == ["GLV-M"]
    assert orders[str(stocked.mso)]["total"] == "40.00"
    # Numbers are gapless per legal entity, so both begin at one.
    assert {order["number"] for order in orders.values()} == {f"PO-{site_day().year}-000001"}
    assert {told.legalentityid for told in stocked.told("procurement.order.placed")} == {stocked.ca, stocked.mso}


def test_without_an_agreement_in_force_the_clinical_entity_buys_everything(stocked: Shop) -> None:
    with stocked.transaction() as session:
        session.execute(update(KnownAgreement).values(ends_on=date(2026, 1, 2)))
    drafted = stocked.draft(stocked.line("GLV-M", "2", "box"), stocked.line("PAPER", "1", "carton"), submit=True)
    stocked.as_("network_buyer").post(f"/requisitions/{drafted.json['id']}/approval")
    [order] = stocked.orders(drafted.json["id"])
    assert (order["legal_entity_id"], len(order["lines"])) == (str(stocked.ca), 2)


def test_an_agreement_that_leaves_procurement_out_does_not_make_the_mso_buy(stocked: Shop) -> None:
    with stocked.transaction() as session:
        session.execute(update(KnownAgreement).values(services=["billing"]))
        session.add(agreement(stocked, ends_on=date(2026, 1, 2)))
    order = stocked.order(stocked.line("PAPER", "1", "carton"))
    assert order["legal_entity_id"] == str(stocked.ca)


def test_an_item_withdrawn_before_the_approval_is_not_ordered(stocked: Shop) -> None:
    entry = stocked.approve_item("NTX-100")
    drafted = stocked.draft(stocked.line("NTX-100", "1", "box"), submit=True)
    director = stocked.as_("medical_director", stocked.entity())
    assert director.post(f"/formulary/{entry['id']}/withdrawal", json={}).json["status"] == "withdrawn"
    refused = stocked.as_("network_buyer").post(f"/requisitions/{drafted.json['id']}/approval")
    assert refused.status_code == 409
    assert stocked.orders(drafted.json["id"]) == []


def test_another_sites_requisition_does_not_exist(stocked: Shop) -> None:
    drafted = stocked.draft(stocked.line("PAPER", "1", "carton"), submit=True)
    path = f"/requisitions/{drafted.json['id']}"
    for scope in (stocked.at(stocked.second), stocked.at(stocked.far), Scope(new_id(), "network")):
        stranger = stocked.as_("network_buyer", scope)
        assert stranger.get(path).status_code == 404
        assert stranger.get("/requisitions").json["items"] == []
    assert stocked.as_("location_manager", stocked.at(stocked.second)).post(f"{path}/approval").status_code == 404


def test_the_office_sees_the_sites_of_its_grants_newest_first_by_pages(stocked: Shop) -> None:
    for site in (stocked.site, stocked.second, stocked.far):
        manager = stocked.as_("location_manager", stocked.at(site))
        stocked.draft(stocked.line("PAPER", "1", "carton"), requester=manager)
    region = Scope(stocked.organization_id, "network", (stocked.site, stocked.far), (stocked.ca, stocked.ny))
    office = stocked.as_("network_buyer", region)
    first = office.get("/requisitions?limit=1")
    assert first.json["items"][0]["location_id"] == str(stocked.far)
    second = office.get(f"/requisitions?limit=1&cursor={first.json['next']}")
    assert second.json["items"][0]["location_id"] == str(stocked.site)
    assert second.json["next"] is None
    assert (
        len(stocked.as_("auditor", Scope(stocked.organization_id, "network")).get("/requisitions").json["items"]) == 3
    )
