"""Who gives which role to whom, over what."""

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from shared.clock import today
from shared.ids import new_id
from tests.gateway.directory.brand import Brand, ok, refused


def test_nobody_grants_a_role_to_themselves(brand: Brand) -> None:
    body = {"user_id": brand.made["user_id"], "role": "controller", "scope_kind": "organization"}
    refused(brand.admin.post("/grants", json=body), 403, "grants-to-self")


@pytest.mark.parametrize(
    ("role", "kind", "slug"),
    [
        ("controller", "location", "scope-not-for-role"),
        ("franchise_admin", "region", "scope-not-for-role"),
        ("front_desk", "organization", "scope-not-for-role"),
        ("medical_director", "legal_entity", "not-yours-to-give"),
        ("provider", "location", "not-yours-to-give"),
        ("clinical_system", "legal_entity", "not-yours-to-give"),
    ],
)
def test_the_business_side_gives_business_roles_over_fitting_scopes_only(
    brand: Brand, role: str, kind: str, slug: str
) -> None:
    entity = brand.entity()
    places = {"location": brand.site(entity), "legal_entity": entity, "organization": None}
    if kind == "region":
        places["region"] = ok(brand.admin.post("/regions", json={"name": "West"}), 201)["id"]
    body = {"user_id": brand.person(), "role": role, "scope_kind": kind, "scope_id": places[kind]}
    assert brand.admin.post("/grants", json=body).get_json()["type"] == f"/docs/problems#{slug}"


def test_a_grant_needs_a_place_that_exists_in_this_organization(brand: Brand) -> None:
    user = brand.person()
    for kind in ("region", "location", "legal_entity"):
        body = {"user_id": user, "role": "auditor", "scope_kind": kind, "scope_id": str(new_id())}
        assert brand.admin.post("/grants", json=body).status_code in (404, 422)
    body = {"user_id": user, "role": "auditor", "scope_kind": "location"}
    refused(brand.admin.post("/grants", json=body), 422, "scope-incomplete")
    body = {"user_id": user, "role": "auditor", "scope_kind": "organization", "scope_id": brand.entity()}
    refused(brand.admin.post("/grants", json=body), 422, "scope-incomplete")


def test_a_grant_is_told_with_who_gave_it(brand: Brand) -> None:
    user = brand.person()
    ends = today() + timedelta(days=30)
    grant = brand.grant(user, "network_buyer", ends_on=str(ends), approval_limit="2500.00")
    told = next(each for each in brand.told("gateway.grant.given") if each["grant_id"] == grant)
    assert (told["role"], told["role_plane"], told["given_by"]) == ("network_buyer", "business", brand.made["user_id"])
    listed = ok(brand.admin.get(f"/grants?user_id={user}"))["items"]
    assert [(each["id"], each["approval_limit"], each["ends_on"]) for each in listed] == [(grant, "2500.00", str(ends))]


def test_the_same_role_is_not_given_twice_at_the_same_time(brand: Brand) -> None:
    user = brand.person()
    body = {"user_id": user, "role": "auditor", "scope_kind": "organization"}
    later = {**body, "starts_on": str(today() + timedelta(days=60))}
    ok(brand.admin.post("/grants", json={**body, "ends_on": str(today() + timedelta(days=30))}), 201)
    refused(brand.admin.post("/grants", json=body), 409, "already-granted")
    ok(brand.admin.post("/grants", json=later), 201)


def test_a_role_given_by_many_at_once_is_given_once(brand: Brand) -> None:
    body = {"user_id": brand.person(), "role": "auditor", "scope_kind": "organization"}
    answers: list[TestResponse] = []
    threads = [
        threading.Thread(target=lambda: answers.append(brand.admin.post("/grants", json=body))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


def test_the_first_owner_of_an_entity_is_named_by_the_administrator_the_next_by_the_owner(brand: Brand) -> None:
    brand.load_rules()
    entity, first, second = brand.entity(), brand.person("Olga Owner"), brand.person("Otto Owner")
    brand.grant(first, "clinical_entity_owner", "legal_entity", entity)
    body = {"user_id": second, "role": "clinical_entity_owner", "scope_kind": "legal_entity", "scope_id": entity}
    refused(brand.admin.post("/grants", json=body), 403, "entity-has-owner")
    appointed = {"user_id": second, "role": "clinical_entity_owner", "licence": "CA A654321"}
    ok(brand.owner(entity, first).post("/officers", json=appointed), 201)


def test_two_administrators_at_once_name_one_first_owner(brand: Brand) -> None:
    entity, people = brand.entity(), [brand.person("Olga Owner"), brand.person("Otto Owner")]
    answers: list[int] = []

    def name(user: str) -> None:
        body = {"user_id": user, "role": "clinical_entity_owner", "scope_kind": "legal_entity", "scope_id": entity}
        answers.append(brand.admin.post("/grants", json=body).status_code)

    threads = [threading.Thread(target=name, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 403]


def test_an_owner_needs_a_clinical_entity(brand: Brand) -> None:
    mso = brand.entity("mso", "Lumina Management LLC")
    body = {"user_id": brand.person(), "role": "clinical_entity_owner", "scope_kind": "legal_entity", "scope_id": mso}
    refused(brand.admin.post("/grants", json=body), 422, "not-this-kind-of-entity")


def test_only_the_owner_appoints_a_medical_director_and_it_is_recorded_as_a_reserved_decision(brand: Brand) -> None:
    brand.load_rules()
    entity, doctor = brand.entity(), brand.person("Dora Doctor")
    body = {"user_id": doctor, "role": "medical_director", "licence": "CA A123456"}
    director = brand.owner(entity).but(roles=frozenset({"medical_director"}))
    refused(director.post("/officers", json=body), 403, "not-the-decider")
    business = brand.at_entity(entity, "franchise_admin")
    refused(business.post("/officers", json=body), 403, "not-the-decider")
    owner = brand.owner(entity)
    grant = ok(owner.post("/officers", json=body), 201)
    assert (grant["scope_kind"], grant["scope_id"], grant["licence"]) == ("legal_entity", entity, "CA A123456")
    told = brand.told("gateway.decision.taken")
    assert [(each["decision"], each["subject_id"]) for each in told] == [
        ("governance.entity.officer.appoint", grant["id"])
    ]
    ok(owner.post(f"/officers/{grant['id']}/removal"))
    assert [each["outcome"] for each in brand.told("gateway.decision.taken")] == ["approved", "revoked"]


def test_no_decision_is_recorded_when_no_rule_is_loaded(brand: Brand) -> None:
    entity, doctor = brand.entity(), brand.person("Dora Doctor")
    body = {"user_id": doctor, "role": "medical_director"}
    refused(brand.owner(entity).post("/officers", json=body), 409, "rule-unknown")
    assert brand.told("gateway.decision.taken") == []
    assert ok(brand.admin.get(f"/grants?user_id={doctor}"))["items"] == []


def test_an_owner_gives_clinical_roles_over_their_own_entity_and_sites_only(brand: Brand) -> None:
    entity, other = brand.entity(), brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    site, elsewhere = brand.site(entity), brand.site(other, "NY-01")
    owner, nurse = brand.owner(entity, sites=(site,)), brand.person("Nina Nurse")
    body = {"user_id": nurse, "role": "provider", "scope_kind": "location", "licence": "CA RN998877"}
    assert owner.post("/clinical-grants", json={**body, "scope_id": elsewhere}).status_code == 404
    over = {**body, "scope_kind": "legal_entity", "scope_id": other}
    assert owner.post("/clinical-grants", json=over).status_code == 404
    for role in ("medical_director", "clinical_entity_owner", "controller"):
        refused(owner.post("/clinical-grants", json={**body, "role": role, "scope_id": site}), 403, "not-yours-to-give")
    ok(owner.post("/clinical-grants", json={**body, "scope_id": site}), 201)


def test_people_and_machines_hold_different_roles(brand: Brand) -> None:
    entity = brand.entity()
    machine = ok(brand.admin.post("/machine-clients", json={"name": "EHR feed"}), 201)["id"]
    owner = brand.owner(entity)
    body = {"role": "clinical_system", "scope_kind": "legal_entity", "scope_id": entity}
    refused(owner.post("/clinical-grants", json={**body, "user_id": brand.person()}), 422, "only-for-machines")
    provider = {**body, "role": "provider", "user_id": machine}
    refused(owner.post("/clinical-grants", json=provider), 422, "not-for-machines")
    ok(owner.post("/clinical-grants", json={**body, "user_id": machine}), 201)


def test_each_side_of_the_wall_revokes_its_own_grants_only(brand: Brand) -> None:
    brand.load_rules()
    entity, other = brand.entity(), brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    site = brand.site(entity)
    owner = brand.owner(entity, sites=(site,))
    provider = {"user_id": brand.person("Nina"), "role": "provider", "scope_kind": "location", "scope_id": site}
    clinical = ok(owner.post("/clinical-grants", json=provider), 201)["id"]
    business = brand.grant(brand.person("Bea"), "location_manager", "location", site)
    director = {"user_id": brand.person("Dora"), "role": "medical_director"}
    office = ok(owner.post("/officers", json=director), 201)["id"]
    refused(brand.admin.post(f"/grants/{clinical}/revocation"), 403, "not-yours-to-give")
    refused(brand.admin.post(f"/grants/{office}/revocation"), 403, "not-yours-to-give")
    refused(owner.post(f"/clinical-grants/{business}/revocation"), 403, "not-yours-to-give")
    refused(owner.post(f"/clinical-grants/{office}/revocation"), 403, "not-yours-to-give")
    assert brand.owner(other).post(f"/clinical-grants/{clinical}/revocation").status_code == 404
    assert brand.owner(other).post(f"/officers/{office}/removal").status_code == 404
    ok(brand.admin.post(f"/grants/{business}/revocation"))
    ok(owner.post(f"/clinical-grants/{clinical}/revocation"))
    refused(brand.admin.post(f"/grants/{business}/revocation"), 409, "grant-revoked-before")
    assert {each["grant_id"] for each in brand.told("gateway.grant.revoked")} == {business, clinical}


def test_the_last_administrator_stays(brand: Brand) -> None:
    grants = ok(brand.admin.get("/grants?role=franchise_admin"))["items"]
    refused(brand.admin.post(f"/grants/{grants[0]['id']}/revocation"), 409, "last-administrator")
    brand.grant(brand.person("Bob Boss"), "franchise_admin")
    ok(brand.admin.post(f"/grants/{grants[0]['id']}/revocation"))


def test_two_administrators_cannot_remove_each_other_at_once(brand: Brand) -> None:
    brand.grant(brand.person("Bob Boss"), "franchise_admin")
    both = [each["id"] for each in ok(brand.admin.get("/grants?role=franchise_admin"))["items"]]
    answers: list[int] = []

    def revoke(grant: str) -> None:
        answers.append(brand.admin.post(f"/grants/{grant}/revocation").status_code)

    threads = [threading.Thread(target=revoke, args=(grant,)) for grant in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]


def test_a_locked_user_is_given_no_role(brand: Brand) -> None:
    user = brand.person()
    ok(brand.admin.post(f"/users/{user}/lock"))
    body = {"user_id": user, "role": "auditor", "scope_kind": "organization"}
    refused(brand.admin.post("/grants", json=body), 409, "user-not-active")


def test_limits_go_with_business_roles_and_terms_run_forward(brand: Brand) -> None:
    body = {"user_id": brand.person(), "role": "network_buyer", "scope_kind": "organization"}
    backwards = {**body, "starts_on": "2026-12-02", "ends_on": "2026-12-01"}
    refused(brand.admin.post("/grants", json=backwards), 422, "term-reversed")
    for limit in ("-1", "1.005", 12, "lots"):
        assert brand.admin.post("/grants", json={**body, "approval_limit": limit}).status_code == 422


def test_an_owner_sees_every_grant_that_reaches_their_entity_and_no_other(brand: Brand) -> None:
    entity, other = brand.entity(), brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    west = ok(brand.admin.post("/regions", json={"name": "West"}), 201)["id"]
    site, elsewhere = brand.site(entity, region_id=west), brand.site(other, "NY-01")
    here = {
        brand.grant(brand.person("Mia"), "location_manager", "location", site),
        brand.grant(brand.person("Nat"), "network_buyer", "region", west),
        brand.grant(brand.person("Aud"), "auditor"),
        brand.grant(brand.person("Olga"), "clinical_entity_owner", "legal_entity", entity),
    }
    there = brand.grant(brand.person("Max"), "location_manager", "location", elsewhere)
    seen = {each["id"] for each in ok(brand.owner(entity, sites=(site,)).get("/grants"))["items"]}
    assert here <= seen
    assert there not in seen


def test_another_organization_sees_and_ends_nothing_of_ours(make_brand: Callable[[str], Brand]) -> None:
    ours, theirs = make_brand("lumina"), make_brand("glow")
    grant, user = ours.grant(ours.person(), "auditor"), ours.person("Carl Clerk")
    assert theirs.admin.post(f"/grants/{grant}/revocation").status_code == 404
    assert theirs.admin.get(f"/users/{user}").status_code == 404
    body = {"user_id": user, "role": "auditor", "scope_kind": "organization"}
    assert theirs.admin.post("/grants", json=body).status_code == 404
    assert {UUID(each["user_id"]) for each in ok(theirs.admin.get("/grants"))["items"]} == {
        UUID(theirs.made["user_id"])
    }
