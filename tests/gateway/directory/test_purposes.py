"""Purpose grants: proposed by the business side, decided by the clinical entity's owner."""

from datetime import timedelta
from uuid import UUID

from shared.clock import today
from tests.gateway.directory.brand import Brand, ok, refused


def _body(user: str, **changes: str) -> dict[str, str]:
    ends = str(today() + timedelta(days=30))
    return {"user_id": user, "purpose": "Resolve denied claims of October", "ends_on": ends, **changes}


def test_only_the_owner_opens_patient_level_data_and_may_close_it_again(brand: Brand) -> None:
    brand.load_rules()
    entity, biller = brand.entity(), brand.person("Bill Biller")
    purpose = ok(brand.at_entity(entity, "biller").post("/purposes", json=_body(biller)), 201)
    assert purpose["status"] == "proposed"
    decision = f"/purposes/{purpose['id']}/decision"
    refused(brand.at_entity(entity, "biller").post(decision, json={"granted": True}), 403, "not-the-decider")
    director = brand.owner(entity).but(roles=frozenset({"medical_director"}))
    refused(director.post(decision, json={"granted": True}), 403, "not-the-decider")
    owner = brand.owner(entity)
    assert ok(owner.post(decision, json={"granted": True}))["status"] == "granted"
    refused(owner.post(decision, json={"granted": False}), 409, "purpose-decided")
    assert ok(owner.post(f"/purposes/{purpose['id']}/revocation"))["status"] == "revoked"
    refused(owner.post(f"/purposes/{purpose['id']}/revocation"), 409, "purpose-not-granted")
    told = brand.told("gateway.decision.taken")
    assert [(each["decision"], each["outcome"]) for each in told] == [
        ("gateway.phi.grant", "approved"),
        ("gateway.phi.grant", "revoked"),
    ]


def test_nobody_decides_about_their_own_access(brand: Brand) -> None:
    brand.load_rules()
    entity, owner = brand.entity(), brand.person("Olga Owner")
    purpose = ok(brand.at_entity(entity, "biller").post("/purposes", json=_body(owner)), 201)["id"]
    refused(
        brand.owner(entity, owner).post(f"/purposes/{purpose}/decision", json={"granted": True}),
        403,
        "decides-own-purpose",
    )


def test_another_entitys_owner_finds_no_such_proposal(brand: Brand) -> None:
    brand.load_rules()
    entity, other = brand.entity(), brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    purpose = ok(brand.at_entity(entity, "biller").post("/purposes", json=_body(brand.person())), 201)["id"]
    answer = brand.owner(other).post(f"/purposes/{purpose}/decision", json={"granted": True})
    assert answer.status_code == 404
    assert ok(brand.owner(other).get("/purposes"))["items"] == []


def test_a_purpose_is_for_a_person_a_clinical_entity_and_a_year_at_most(brand: Brand) -> None:
    entity, user = brand.entity(), brand.person()
    machine = ok(brand.admin.post("/machine-clients", json={"name": "EHR feed"}), 201)["id"]
    biller = brand.at_entity(entity, "biller")
    refused(biller.post("/purposes", json=_body(machine)), 422, "not-a-person")
    too_long = _body(user, ends_on=str(today() + timedelta(days=400)))
    refused(biller.post("/purposes", json=too_long), 422, "purpose-too-long")
    backwards = _body(user, ends_on=str(today() - timedelta(days=3)))
    refused(biller.post("/purposes", json=backwards), 422, "purpose-too-long")
    assert biller.post("/purposes", json=_body(user, purpose="x")).status_code == 422
    mso = brand.entity("mso", "Lumina Management LLC")
    answer = brand.at_entity(mso, "biller").post("/purposes", json=_body(user))
    refused(answer, 422, "not-this-kind-of-entity")


def test_a_proposal_is_audited_with_its_terms(brand: Brand) -> None:
    entity, user = brand.entity(), brand.person()
    biller = brand.at_entity(entity, "biller").but(principal_id=UUID(user))
    purpose = ok(biller.post("/purposes", json=_body(user)), 201)
    told = [each for each in brand.told("gateway.audit.recorded") if each["subject_id"] == purpose["id"]]
    assert [(each["action"], each["detail"]["user_id"]) for each in told] == [("gateway.purpose.propose", user)]
