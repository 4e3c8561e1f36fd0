"""Agreements: drafted by the business side, signed and ended by the owner, one at a time for a site."""

import threading
from datetime import timedelta

import pytest

from shared.clock import today
from tests.gateway.directory.brand import Brand, ok, refused


@pytest.fixture
def parties(brand: Brand) -> tuple[str, str, str]:
    """An MSO, a clinical entity and its site."""
    brand.load_rules()
    entity = brand.entity()
    return brand.entity("mso", "Lumina Management LLC"), entity, brand.site(entity)


def test_a_draft_opens_nothing_and_is_signed_by_the_owner_of_that_entity_only(
    brand: Brand, parties: tuple[str, str, str]
) -> None:
    mso, entity, site = parties
    agreement = brand.draft(mso, entity, site)
    other = brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    assert brand.owner(other).post(f"/agreements/{agreement}/signature", json={}).status_code == 404
    for wrong in (
        brand.at_entity(entity, "franchise_admin", sites=(site,)),
        brand.owner(entity, sites=(site,)).but(roles=frozenset({"medical_director"})),
        brand.owner(entity, sites=(site,)).but(kind="machine"),
    ):
        refused(wrong.post(f"/agreements/{agreement}/signature", json={}), 403, "not-the-decider")
    signed = ok(brand.owner(entity, sites=(site,)).post(f"/agreements/{agreement}/signature", json={}))
    assert (signed["status"], signed["signed_on"]) == ("signed", str(today("America/Los_Angeles")))
    told = brand.told("gateway.agreement.recorded")
    assert [each["signed_on"] for each in told] == [None, signed["signed_on"]]
    decided = brand.told("gateway.decision.taken")
    assert [(each["decision"], each["proposed_by"]) for each in decided] == [
        ("governance.msa.sign", brand.made["user_id"])
    ]


def test_an_agreement_is_signed_once_and_not_in_the_future(brand: Brand, parties: tuple[str, str, str]) -> None:
    mso, entity, site = parties
    agreement, owner = brand.draft(mso, entity, site), brand.owner(entity, sites=(site,))
    tomorrow = {"signed_on": str(today() + timedelta(days=2))}
    refused(owner.post(f"/agreements/{agreement}/signature", json=tomorrow), 422, "signed-in-the-future")
    ok(owner.post(f"/agreements/{agreement}/signature", json={}))
    refused(owner.post(f"/agreements/{agreement}/signature", json={}), 409, "not-a-draft")
    assert len(brand.told("gateway.decision.taken")) == 1


def test_a_withdrawn_draft_is_never_signed(brand: Brand, parties: tuple[str, str, str]) -> None:
    mso, entity, site = parties
    agreement = brand.draft(mso, entity, site)
    ok(brand.admin.post(f"/agreements/{agreement}/withdrawal"))
    owner = brand.owner(entity, sites=(site,))
    refused(owner.post(f"/agreements/{agreement}/signature", json={}), 409, "not-a-draft")
    refused(brand.admin.post(f"/agreements/{agreement}/withdrawal"), 409, "not-a-draft")


def test_no_two_agreements_run_for_a_site_at_the_same_time(brand: Brand, parties: tuple[str, str, str]) -> None:
    mso, entity, site = parties
    owner, start = brand.owner(entity, sites=(site,)), today() - timedelta(days=100)
    first = brand.draft(mso, entity, site, starts_on=str(start), ends_on=str(start + timedelta(days=50)))
    touching = brand.draft(mso, entity, site, starts_on=str(start + timedelta(days=50)))
    after = brand.draft(mso, entity, site, starts_on=str(start + timedelta(days=51)))
    ok(owner.post(f"/agreements/{first}/signature", json={}))
    refused(owner.post(f"/agreements/{touching}/signature", json={}), 409, "agreements-overlap")
    ok(owner.post(f"/agreements/{after}/signature", json={}))
    assert ok(owner.get(f"/agreements/{touching}"))["status"] == "draft"


def test_overlapping_agreements_signed_at_the_same_moment_leave_one(
    brand: Brand, parties: tuple[str, str, str]
) -> None:
    mso, entity, site = parties
    second = brand.site(entity, "CA-02")
    drafts = [brand.draft(mso, entity, *sites) for sites in ((site, second), (second, site), (second,), (second, site))]
    owner, answers = brand.owner(entity, sites=(site, second)), []

    def sign(agreement: str) -> None:
        answers.append(owner.post(f"/agreements/{agreement}/signature", json={}).status_code)

    threads = [threading.Thread(target=sign, args=(agreement,)) for agreement in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409]
    assert len(ok(owner.get("/agreements?status=signed"))["items"]) == 1


def test_an_agreement_ends_forward_only_and_never_later_than_agreed(
    brand: Brand, parties: tuple[str, str, str]
) -> None:
    mso, entity, site = parties
    owner, last = brand.owner(entity, sites=(site,)), today() + timedelta(days=90)
    agreement = brand.draft(mso, entity, site, ends_on=str(last))
    path = f"/agreements/{agreement}/end"
    refused(owner.post(path, json={}), 409, "not-signed")
    ok(owner.post(f"/agreements/{agreement}/signature", json={}))
    refused(owner.post(path, json={"ends_on": str(today() - timedelta(days=3))}), 422, "ends-too-early")
    refused(owner.post(path, json={"ends_on": str(last + timedelta(days=1))}), 422, "ends-later")
    refused(brand.at_entity(entity, "franchise_admin").post(path, json={}), 403, "not-the-decider")
    ended = ok(owner.post(path, json={}))
    assert ended["ends_on"] == str(today("America/Los_Angeles"))
    assert brand.told("gateway.agreement.recorded")[-1]["ends_on"] == ended["ends_on"]
    assert brand.told("gateway.decision.taken")[-1]["before"]["ends_on"] == str(last)


@pytest.mark.parametrize(
    "change",
    [
        {"services": []},
        {"services": ["surgery"]},
        {"services": ["hr", "hr"]},
        {"location_ids": []},
        {"ends_on": "2020-01-01"},
        {"starts_on": "tomorrow"},
        {"fee": "12%"},
    ],
)
def test_a_malformed_draft_is_refused(brand: Brand, change: dict[str, object]) -> None:
    entity = brand.entity()
    body = {
        "mso_id": brand.entity("mso", "Lumina Management LLC"),
        "legal_entity_id": entity,
        "location_ids": [brand.site(entity)],
        "services": ["hr"],
        "starts_on": str(today()),
    }
    assert brand.admin.post("/agreements", json={**body, **change}).status_code == 422


def test_an_agreement_binds_an_mso_and_a_clinical_entity_with_its_own_sites(brand: Brand) -> None:
    mso, entity = brand.entity("mso", "Lumina Management LLC"), brand.entity()
    other = brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    site, elsewhere = brand.site(entity), brand.site(other, "NY-01")
    body = {"services": ["hr"], "starts_on": str(today())}

    def slug(mso_id: str, entity_id: str, site_id: str) -> str:
        parts = {"mso_id": mso_id, "legal_entity_id": entity_id, "location_ids": [site_id]}
        answer = brand.admin.post("/agreements", json={**body, **parts})
        return str(answer.get_json()["type"]).partition("#")[2]

    assert slug(entity, entity, site) == "not-this-kind-of-entity"
    assert slug(mso, mso, site) == "not-this-kind-of-entity"
    assert slug(mso, entity, elsewhere) == "location-of-another-entity"
    assert slug(mso, entity, mso) == "not-found"


def test_a_business_associate_agreement_is_recorded_once_and_either_side_ends_it(
    brand: Brand, parties: tuple[str, str, str]
) -> None:
    mso, entity, _ = parties
    body = {"legal_entity_id": entity, "business_associate_id": mso, "signed_on": "2026-01-15"}
    future = {**body, "signed_on": str(today() + timedelta(days=3))}
    refused(brand.admin.post("/business-associate-agreements", json=future), 422, "signed-after-today")
    baa = ok(brand.admin.post("/business-associate-agreements", json=body), 201)["id"]
    refused(brand.admin.post("/business-associate-agreements", json=body), 409, "already-exists")
    end = f"/business-associate-agreements/{baa}/end"
    early = {"ends_on": "2026-02-01"}
    refused(brand.owner(entity).post(end, json=early), 422, "association-ends-too-early")
    ok(brand.owner(entity).post(end, json={}))
    assert brand.told("gateway.business_associate_agreement.recorded")[-1]["ends_on"] is not None
