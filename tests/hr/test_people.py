"""Who somebody is, and who may know it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from services.hr import commands
from services.hr.assignments.models import SiteAssignment
from services.hr.credentials.models import Credential, CredentialVerification
from services.hr.employments.models import Employment
from services.hr.people.models import Person
from services.hr.training.models import TrainingAssignment, TrainingCompletion
from services.hr.worker import CHORES, SUBSCRIBER
from shared.clock import frozen
from shared.tenancy import Scope
from shared.worker import Worker
from tests.hr.franchise import Franchise, answer, employ, nurse, ready_nurse, register, rule
from tests.shared.events.parties import eventually

TABLES = (
    Person,
    SiteAssignment,
    Employment,
    Credential,
    CredentialVerification,
    TrainingAssignment,
    TrainingCompletion,
)


def names(caller: Any) -> list[str]:
    return [each["given_name"] for each in answer(caller.get("/people"), 200)["items"]]


def test_a_site_sees_only_who_works_there(spa: Franchise) -> None:
    nurse(spa, "CA", "Ann")
    nurse(spa, "CA2", "Bea")
    nurse(spa, "NY", "Cho")
    assert names(spa.manager("CA")) == ["Ann"]
    assert names(spa.manager("CA2")) == ["Bea"]
    assert names(spa.manager("AZ")) == []


def test_an_entity_sees_whom_it_employs_and_who_works_at_its_sites(spa: Franchise) -> None:
    nurse(spa, "CA", "Ann")
    nurse(spa, "NY", "Cho")
    employ(spa.partner(), register(spa.partner(), "Dot"), "front_desk", [spa.sites["CA"]])
    employ(spa.partner(), register(spa.partner(), "Eve"), "mso_billing", [])
    assert names(spa.partner("CA")) == ["Ann", "Dot"]
    assert names(spa.owner("NY")) == ["Cho"]
    assert names(spa.partner()) == ["Dot", "Eve"]


def test_a_region_sees_its_sites_and_not_the_rest_of_the_same_entity(spa: Franchise) -> None:
    nurse(spa, "CA", "Ann")
    nurse(spa, "CA2", "Bea")
    nurse(spa, "NY", "Cho")
    assert names(spa.network("CA2", "NY")) == ["Bea", "Cho"]
    assert names(spa.network()) == ["Ann", "Bea", "Cho"]


def test_a_practice_without_an_agreement_hides_its_own_people_from_the_office_and_nobody_else(spa: Franchise) -> None:
    nurse(spa, "CA", "Ann")
    nurse(spa, "NY", "Cho")
    employ(spa.partner(), register(spa.partner(), "Eve"), "mso_billing", [])
    newcomer = register(spa.office(), "Fay")
    shown = register(spa.office(), "Gil")
    answer(spa.office().post(f"/people/{shown}/introductions", json={"legal_entity_id": str(spa.clinics["NY"])}), 200)
    office = spa.office_without("NY")
    assert names(office) == ["Ann", "Eve", "Fay"]
    assert office.get(f"/people/{newcomer}").status_code == 200
    assert office.get(f"/people/{shown}").status_code == 404
    assert len(answer(office.get("/employments"), 200)["items"]) == 2
    assert names(spa.network("CA", "CA2")) == ["Ann"]


def test_another_sites_person_does_not_exist(spa: Franchise) -> None:
    job = ready_nurse(spa, "CA", "Ann")
    elsewhere = spa.manager("CA2")
    assert elsewhere.get(f"/people/{job['person_id']}").status_code == 404
    assert elsewhere.get(f"/employments/{job['id']}").status_code == 404
    for path in ("people", "employments", "assignments", "credentials", "training", "training-completions", "shifts"):
        assert answer(elsewhere.get(f"/{path}"), 200) == {"items": [], "next": None}, path
    drafted = {"employment_id": job["id"], "starts": "2026-11-23T09:00", "ends": "2026-11-23T17:00"}
    assert elsewhere.post("/shifts", json=drafted).status_code == 404


def test_the_database_itself_keeps_people_apart(spa: Franchise) -> None:
    """With the gateway and the service's rules switched off."""
    ready_nurse(spa, "CA", "Ann")
    scopes = {
        "own site": Scope(spa.organization_id, "location", (spa.sites["CA"],), (spa.clinics["CA"],)),
        "other site": Scope(spa.organization_id, "location", (spa.sites["CA2"],), (spa.clinics["CA"],)),
        "other region": Scope(spa.organization_id, "network", (spa.sites["CA2"],), (spa.clinics["CA"],)),
        "other entity": Scope(spa.organization_id, "entity", (spa.sites["NY"],), (spa.clinics["NY"],)),
        "other franchise": Scope.whole(spa.mso),
    }
    seen = {}
    for name, scope in scopes.items():
        with spa.database.transaction(scope) as session:
            counts = [session.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES]
            seen[name] = sum(count > 0 for count in counts)
    assert seen == {"own site": 7, "other site": 0, "other region": 0, "other entity": 0, "other franchise": 0}


def test_another_franchise_sees_nobody(spa: Franchise) -> None:
    person = register(spa.partner())
    other = Franchise(spa.app, spa.keyring)
    other.open()
    assert other.network().get(f"/people/{person}").status_code == 404
    assert names(other.network()) == []
    assert register(other.partner()) != person


def test_who_leaves_a_site_is_no_longer_seen_there(spa: Franchise) -> None:
    job = nurse(spa, "CA", "Ann")
    [assigned] = answer(spa.manager("CA").get("/assignments"), 200)["items"]
    path = f"/assignments/{assigned['id']}/end"
    assert spa.partner("NY").post(path, json={"ends_on": "2026-11-22"}).status_code == 404
    answer(spa.partner("CA").post(path, json={"ends_on": "2026-11-22"}), 200)
    assert names(spa.manager("CA")) == ["Ann"]
    answer(spa.partner("CA").post(f"/employments/{job['id']}/assignments", json=at(spa, "CA2")), 201)
    assert names(spa.manager("CA2")) == ["Ann"]


def at(spa: Franchise, code: str, starts_on: str = "2026-11-22") -> dict[str, str]:
    return {"location_id": str(spa.sites[code]), "starts_on": starts_on}


def test_an_assignment_that_ended_yesterday_hides_the_person_from_the_site(spa: Franchise) -> None:
    partner = spa.partner("CA")
    job = employ(partner, register(partner, "Ann"), "front_desk", [spa.sites["CA"]], starts_on="2026-11-01")
    [assigned] = answer(partner.get("/assignments"), 200)["items"]
    answer(partner.post(f"/assignments/{assigned['id']}/end", json={"ends_on": "2026-11-21"}), 200)
    assert names(spa.manager("CA")) == []
    assert names(partner) == ["Ann"]
    again = partner.post(f"/assignments/{assigned['id']}/end", json={"ends_on": "2026-11-25"})
    assert answer(again, 409)["type"].endswith("assignment-over")
    assert job["status"] == "active"


def test_placing_somebody_twice_at_a_site_is_once(spa: Franchise) -> None:
    job = nurse(spa, "CA", "Ann")
    answers = [
        answer(spa.partner("CA").post(f"/employments/{job['id']}/assignments", json=at(spa, "CA2")), 201)["id"]
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    before = at(spa, "CA2", "2026-11-01")
    assert spa.partner("CA").post(f"/employments/{job['id']}/assignments", json=before).status_code == 409


def test_a_candidate_is_shown_to_an_entity_by_the_office(spa: Franchise) -> None:
    person = register(spa.office(), "Ann")
    assert spa.partner("CA").get(f"/people/{person}").status_code == 404
    shown = {"legal_entity_id": str(spa.clinics["CA"])}
    answer(spa.office().post(f"/people/{person}/introductions", json=shown), 200)
    assert spa.partner("CA").get(f"/people/{person}").status_code == 200
    assert spa.partner("NY").get(f"/people/{person}").status_code == 404
    nowhere = {"legal_entity_id": str(spa.organization_id)}
    assert spa.office().post(f"/people/{person}/introductions", json=nowhere).status_code == 404


def test_a_change_needs_the_version_that_was_read(spa: Franchise) -> None:
    partner = spa.partner()
    person = register(partner)
    tag = partner.get(f"/people/{person}").headers["ETag"]
    path, body = f"/people/{person}", {"family_name": "Rock"}
    assert partner.patch(path, json=body).status_code == 428
    assert answer(partner.patch(path, json=body, headers={"If-Match": tag}), 200)["family_name"] == "Rock"
    assert partner.patch(path, json=body, headers={"If-Match": tag}).status_code == 412


def test_registering_again_with_the_same_key_is_once(spa: Franchise) -> None:
    partner, key = spa.partner(), {"Idempotency-Key": "r-1"}
    body = {"given_name": "Ann", "family_name": "Stone", "work_email": "ann@example.com"}
    first, second = (partner.post("/people", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.headers.get("Idempotent-Replayed")) == (201, "true")
    assert first.get_json()["id"] == second.get_json()["id"]
    other = partner.post("/people", json={**body, "given_name": "Bea"}, headers=key)
    assert other.status_code == 422
    assert partner.post("/people", json=body).status_code == 409


def test_bad_people_are_refused(spa: Franchise) -> None:
    good = {"given_name": "Ann", "family_name": "Stone", "work_email": "ann@example.com"}
    for change in ({"given_name": ""}, {"work_email": "nope"}, {"ssn": "123-45-6789"}, {"family_name": "a\x00b"}):
        assert spa.partner().post("/people", json={**good, **change}).status_code == 422
    assert names(spa.network()) == []


def test_people_are_listed_in_pages(spa: Franchise) -> None:
    for name in ("Cho", "Ann", "Bea"):
        register(spa.partner(), name)
    first = spa.network().get("/people?limit=2")
    page = answer(first, 200)
    rest = answer(spa.network().get(f"/people?limit=2&cursor={page['next']}"), 200)
    assert [each["given_name"] for each in page["items"] + rest["items"]] == ["Ann", "Bea", "Cho"]
    assert rest["next"] is None
    assert spa.network().get("/people?cursor=nonsense").status_code == 422


def test_the_daily_command_hides_who_left_and_assigns_what_new_rules_ask(spa: Franchise) -> None:
    partner = spa.partner("CA")
    job = employ(partner, register(partner, "Ann"), "front_desk", [spa.sites["CA"]])
    [assigned] = answer(partner.get("/assignments"), 200)["items"]
    answer(partner.post(f"/assignments/{assigned['id']}/end", json={"ends_on": "2026-11-25"}), 200)
    body = {
        "title": "Fire drill",
        "applies_to": {"roles": ["all"]},
        "frequency": {"initial": True, "recurring": "annual"},
        "states": "all",
        "force": "product",
        "citation": "house rule",
    }
    with spa.database.transaction(spa.whole) as session:
        session.add(rule("training", "house.fire", body))
    settings = spa.app.extensions["partywall"].settings
    for day, seen in ((25, ["Ann"]), (26, [])):
        with frozen(datetime(2026, 11, day, 20, tzinfo=UTC)):
            assert commands.main(settings, ["daily"]) == 0
            assert names(spa.manager("CA")) == seen
    listed = answer(spa.network().get(f"/training?person_id={job['person_id']}&limit=200"), 200)["items"]
    assert [each["requirement"] for each in listed].count("house.fire") == 1
    assert [told["requirement"] for told in spa.told("hr.training.assigned")].count("house.fire") == 1


def test_the_worker_of_hr_does_the_daily_work_by_itself(spa: Franchise) -> None:
    partner = spa.partner("CA")
    employ(partner, register(partner, "Ann"), "front_desk", [spa.sites["CA"]])
    [assigned] = answer(partner.get("/assignments"), 200)["items"]
    answer(partner.post(f"/assignments/{assigned['id']}/end", json={"ends_on": "2026-11-25"}), 200)
    settings = replace(spa.app.extensions["partywall"].settings, peers={"gateway": "http://127.0.0.1:1"})
    with frozen(datetime(2026, 11, 26, 12, tzinfo=UTC)):
        assert names(spa.manager("CA")) == ["Ann"]
        worker = Worker(settings, SUBSCRIBER, chores=CHORES)
        worker.start()
        try:
            eventually(lambda: names(spa.manager("CA")) == [])
            assert "daily" not in worker.troubles()
        finally:
            assert worker.close()
