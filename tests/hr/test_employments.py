"""Who may employ whom."""

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from shared.decisions import ReservedDecision
from shared.directory import KnownLocation
from shared.rules import Rule
from tests.hr.franchise import Franchise, answer, employ, nurse, register, rule, select_clinician


def propose(spa: Franchise, caller: Any, person: str, position: str, *codes: str) -> Any:
    sites = [str(spa.sites[code]) for code in codes]
    body = {"person_id": person, "position": position, "location_ids": sites, "starts_on": "2026-11-22"}
    return caller.post("/employments", json=body)


def test_the_mso_employs_an_aesthetician_for_its_front_desk(spa: Franchise) -> None:
    job = employ(spa.partner(), register(spa.partner()), "aesthetician", [spa.sites["CA"]])
    assert (job["status"], job["clinical"], job["flags"]) == ("active", False, [])
    assert [told["position"] for told in spa.told("hr.employment.started")] == ["aesthetician"]


def test_the_mso_cannot_employ_a_nurse_in_california(spa: Franchise) -> None:
    person = register(spa.partner())
    refused = answer(propose(spa, spa.partner(), person, "rn", "CA"), 403)
    assert refused["type"].endswith("clinician-employed-by-business")
    assert refused["policy"] == "term.no_clinical_employment_by_mso"
    assert "California" in refused["why"] and "strict" in refused["why"]
    assert "state:CA@2026-11-21" in refused["source"]
    assert any("Medical Board of California" in cite for cite in refused["source"])
    assert answer(spa.partner().get("/employments"), 200)["items"] == []
    assert spa.told("hr.employment.proposed") == []


@pytest.mark.parametrize(
    "position", ["physician", "np", "pa", "rn", "lpn", "medical_assistant", "laser_technician", "medical_director"]
)
def test_every_clinical_position_is_kept_from_the_mso(spa: Franchise, position: str) -> None:
    assert propose(spa, spa.partner(), register(spa.partner()), position, "NY").status_code == 403


@pytest.mark.parametrize("position", ["aesthetician", "front_desk", "practice_manager", "mso_billing"])
def test_business_positions_may_stand_on_either_side(spa: Franchise, position: str) -> None:
    assert employ(spa.partner(), register(spa.partner()), position, [spa.sites["CA"]])["status"] == "active"
    ours = register(spa.partner("CA"), "Una")
    assert employ(spa.partner("CA"), ours, position, [spa.sites["CA"]])["status"] == "active"


def test_the_strictest_state_of_the_sites_decides(spa: Franchise) -> None:
    spa_with_weak_rule(spa, "OR")
    refused = answer(propose(spa, spa.partner(), register(spa.partner()), "rn", "OR", "TX"), 403)
    assert "Texas" in refused["why"]


def spa_with_weak_rule(spa: Franchise, state: str) -> None:
    """A later version of the rules, in which a state tolerates employment by a company."""
    body = {"code": state, "name": state, "cpom": "weak", "sources": [{"cite": "A board ruling"}]}
    with spa.database.transaction(spa.whole) as session:
        session.add(rule("state", state, body, dataset_version="2026-11-22", effective_from=date(2026, 11, 22)))


def test_where_it_is_tolerated_the_owner_still_selects_and_it_stays_flagged(spa: Franchise) -> None:
    spa_with_weak_rule(spa, "OR")
    job = employ(spa.partner(), register(spa.partner()), "rn", [spa.sites["OR"]])
    assert (job["status"], job["flags"]) == ("proposed", ["cpom"])
    assert job["deciding_entity_id"] == str(spa.clinics["OR"])
    assert "A board ruling" in job["sources"]
    assert select_clinician(spa.owner("OR"), job)["status"] == "active"


def test_an_unknown_rule_holds_for_counsel_and_is_never_allowed(spa: Franchise) -> None:
    unknown = {"code": "OR", "name": "Oregon", "cpom": "unknown"}
    with spa.database.transaction(spa.whole) as session:
        session.add(rule("state", "OR", unknown, dataset_version="2026-11-22", effective_from=date(2026, 11, 22)))
    job = employ(spa.partner(), register(spa.partner()), "rn", [spa.sites["OR"]])
    assert (job["status"], job["reason"]) == ("held", "The rule of Oregon is not known.")
    assert len(spa.told("hr.employment.held")) == 1
    choice = {"outcome": "approved", "reason": "Please."}
    assert spa.owner("OR").post(f"/employments/{job['id']}/selection", json=choice).status_code == 404
    again = answer(spa.partner().post(f"/employments/{job['id']}/recheck"), 200)
    assert again["status"] == "held"
    with spa.database.transaction(spa.whole) as session:
        session.execute(
            update(Rule)
            .where(Rule.key == "OR", Rule.dataset_version == "2026-11-22")
            .values(body={**unknown, "cpom": "weak"})
        )
    assert answer(spa.partner().post(f"/employments/{job['id']}/recheck"), 200)["status"] == "proposed"


def test_a_stale_rule_holds_for_counsel(spa: Franchise) -> None:
    with spa.database.transaction(spa.whole) as session:
        session.execute(update(Rule).where(Rule.kind == "state").values(reviewed=date(2026, 5, 1)))
    job = employ(spa.partner(), register(spa.partner()), "rn", [spa.sites["TX"]])
    assert job["status"] == "held"
    assert "2026-05-01" in job["reason"]


def test_without_credential_rules_nobody_is_taken_for_a_business_position(spa: Franchise) -> None:
    with spa.database.transaction(spa.whole) as session:
        session.execute(update(Rule).where(Rule.kind == "credential").values(kind="put_away"))
    response = propose(spa, spa.partner(), register(spa.partner()), "rn", "CA")
    assert answer(response, 409)["type"].endswith("rule-unknown")


def test_a_nurse_is_proposed_by_the_office_and_selected_by_the_owner(spa: Franchise) -> None:
    partner, person = spa.partner("CA"), register(spa.partner("CA"))
    job = employ(partner, person, "rn", [spa.sites["CA"]], exposures=["bloodborne"])
    assert job["status"] == "proposed"
    assert answer(spa.manager("CA").get("/people"), 200)["items"] == []
    chosen = select_clinician(spa.owner("CA"), job)
    assert chosen["status"] == "active"
    taken = spa.told("hr.decision.taken")
    assert [(each["decision"], each["outcome"], each["licence"]) for each in taken] == [
        ("hr.clinician.select", "approved", "CA A123456")
    ]
    assert taken[0]["proposed_by"] == str(partner.principal_id)
    assert [told["employment_id"] for told in spa.told("hr.employment.started")] == [job["id"]]
    assert [each["id"] for each in answer(spa.manager("CA").get("/people"), 200)["items"]] == [person]


def test_the_owner_may_refuse_a_candidate(spa: Franchise) -> None:
    partner = spa.partner("CA")
    job = employ(partner, register(partner), "rn", [spa.sites["CA"]])
    choice = {"outcome": "refused", "reason": "No injecting experience."}
    assert answer(spa.owner("CA").post(f"/employments/{job['id']}/selection", json=choice), 200)["status"] == "refused"
    assert len(spa.told("hr.employment.refused")) == 1
    again = spa.owner("CA").post(f"/employments/{job['id']}/selection", json=choice)
    assert answer(again, 409)["type"].endswith("not-awaiting-decision")


def test_nobody_but_the_owner_of_that_entity_selects_a_clinician(spa: Franchise) -> None:
    partner = spa.partner("CA")
    job = employ(partner, register(partner), "rn", [spa.sites["CA"]])
    path, choice = f"/employments/{job['id']}/selection", {"outcome": "approved", "reason": "x"}
    assert answer(partner.post(path, json=choice), 403)["type"].endswith("not-the-decider")
    assert spa.director("CA").post(path, json=choice).status_code == 403
    assert spa.owner("NY").post(path, json=choice).status_code == 404
    with spa.database.transaction(spa.whole) as session:
        assert session.query(ReservedDecision).count() == 0


def test_two_decisions_at_the_same_moment_are_one(spa: Franchise) -> None:
    partner = spa.partner("CA")
    job = employ(partner, register(partner), "rn", [spa.sites["CA"]])
    path, choice = f"/employments/{job['id']}/selection", {"outcome": "approved", "reason": "Good."}
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(spa.owner("CA").post(path, json=choice).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409]
    assert len(spa.told("hr.employment.started")) == 1


def test_proposing_the_same_job_twice_is_refused(spa: Franchise) -> None:
    person = register(spa.partner())
    employ(spa.partner(), person, "front_desk", [spa.sites["CA"]])
    assert propose(spa, spa.partner(), person, "front_desk", "CA").status_code == 409


def test_a_clinical_entity_staffs_only_its_own_sites(spa: Franchise) -> None:
    response = propose(spa, spa.partner("CA"), register(spa.partner("CA")), "rn", "NY")
    assert answer(response, 409)["type"].endswith("not-practising-there")


def test_the_mso_staffs_no_site_after_its_agreement_ended(spa: Franchise) -> None:
    response = propose(spa, spa.partner(), register(spa.partner()), "front_desk", "AZ")
    assert answer(response, 409)["type"].endswith("no-agreement-there")


def test_nobody_works_for_both_sides_in_oregon_unless_the_owner_cleared_it(spa: Franchise) -> None:
    person = register(spa.partner())
    employ(spa.partner(), person, "mso_marketing", [])
    answer(spa.office().post(f"/people/{person}/introductions", json={"legal_entity_id": str(spa.clinics["OR"])}), 200)
    refused = answer(propose(spa, spa.partner("OR"), person, "front_desk", "OR"), 403)
    assert (refused["policy"], "or_sb951_own" in refused["source"]) == ("governance.dual_role.clear", True)
    body = {"person_id": person, "cleared": True, "reason": "No say in clinical matters."}
    assert spa.partner("OR").post("/dual-role-clearances", json=body).status_code == 403
    answer(spa.owner("OR").post("/dual-role-clearances", json=body), 201)
    assert answer(propose(spa, spa.partner("OR"), person, "front_desk", "OR"), 201)["flags"] == ["dual_role"]


def test_a_clearance_taken_back_bars_again(spa: Franchise) -> None:
    person = register(spa.partner())
    employ(spa.partner(), person, "mso_marketing", [])
    answer(spa.office().post(f"/people/{person}/introductions", json={"legal_entity_id": str(spa.clinics["OR"])}), 200)
    for cleared in (True, False):
        body = {"person_id": person, "cleared": cleared, "reason": "As discussed."}
        answer(spa.owner("OR").post("/dual-role-clearances", json=body), 201)
    assert propose(spa, spa.partner("OR"), person, "front_desk", "OR").status_code == 403


def test_elsewhere_a_dual_role_is_allowed_and_flagged(spa: Franchise) -> None:
    person = register(spa.partner())
    employ(spa.partner(), person, "mso_marketing", [])
    answer(spa.office().post(f"/people/{person}/introductions", json={"legal_entity_id": str(spa.clinics["CA"])}), 200)
    assert employ(spa.partner("CA"), person, "front_desk", [spa.sites["CA"]])["flags"] == ["dual_role"]


def test_a_person_has_several_employers_at_once(spa: Franchise) -> None:
    job = nurse(spa)
    answer(
        spa.office().post(
            f"/people/{job['person_id']}/introductions", json={"legal_entity_id": str(spa.clinics["TX"])}
        ),
        200,
    )
    second = employ(spa.partner("TX"), job["person_id"], "rn", [spa.sites["TX"]])
    select_clinician(spa.owner("TX"), second)
    listed = answer(spa.network().get(f"/employments?person_id={job['person_id']}&status=active"), 200)
    assert {each["legal_entity_id"] for each in listed["items"]} == {str(spa.clinics["CA"]), str(spa.clinics["TX"])}


def test_the_business_side_ends_no_clinicians_employment(spa: Franchise) -> None:
    job, last = nurse(spa), {"ends_on": "2026-11-30", "reason": "Attendance."}
    refused = answer(spa.partner("CA").post(f"/employments/{job['id']}/end", json=last), 403)
    assert refused["source"] == "hr.clinician.terminate"
    assert spa.partner("CA").post(f"/employments/{job['id']}/termination", json=last).status_code == 403
    assert spa.owner("NY").post(f"/employments/{job['id']}/termination", json=last).status_code == 404
    ended = answer(spa.owner("CA").post(f"/employments/{job['id']}/termination", json=last), 200)
    assert (ended["status"], ended["ends_on"]) == ("ended", "2026-11-30")
    assert [told["ends_on"] for told in spa.told("hr.assignment.ended")] == ["2026-11-30"]
    assert spa.owner("CA").post(f"/employments/{job['id']}/termination", json=last).status_code == 409


def test_an_employer_ends_only_its_own_employments(spa: Franchise) -> None:
    job = employ(spa.partner(), register(spa.partner()), "front_desk", [spa.sites["CA"]])
    last = {"ends_on": "2026-11-30", "reason": "Moved away."}
    assert spa.partner("CA").post(f"/employments/{job['id']}/end", json=last).status_code == 404
    assert answer(spa.partner().post(f"/employments/{job['id']}/end", json=last), 200)["status"] == "ended"
    early = {"ends_on": "2026-11-01", "reason": "x"}
    assert spa.partner().post(f"/employments/{job['id']}/end", json=early).status_code == 409


def test_bad_input_changes_nothing(spa: Franchise) -> None:
    person = register(spa.partner())
    for body in (
        {},
        {"person_id": person, "position": "wizard", "starts_on": "2026-11-22"},
        {"person_id": person, "position": "rn", "starts_on": "soon"},
        {"person_id": person, "position": "rn", "starts_on": "2026-11-22", "exposures": ["sunshine"]},
        {"person_id": person, "position": "rn", "starts_on": "2026-11-22", "salary": "1"},
    ):
        assert spa.partner().post("/employments", json=body).status_code == 422
    assert propose(spa, spa.partner(), str(spa.mso), "front_desk").status_code == 404
    assert answer(spa.partner().get("/employments"), 200)["items"] == []


def test_a_closed_site_takes_nobody(spa: Franchise) -> None:
    with spa.database.transaction(spa.whole) as session:
        session.execute(update(KnownLocation).where(KnownLocation.id == spa.sites["CA"]).values(status="closed"))
    response = propose(spa, spa.partner("CA"), register(spa.partner("CA")), "rn", "CA")
    assert answer(response, 409)["type"].endswith("site-closed")


def test_the_same_proposal_from_two_desks_at_once_is_one(spa: Franchise) -> None:
    person = register(spa.partner())
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(propose(spa, spa.partner(), person, "front_desk", "CA").status_code)
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 409, 409]
    assert len(spa.told("hr.employment.started")) == 1


def test_a_replayed_proposal_gives_its_first_answer(spa: Franchise) -> None:
    body = {"person_id": register(spa.partner()), "position": "front_desk", "starts_on": "2026-11-22"}
    caller, key = spa.partner(), {"Idempotency-Key": "hire-1"}
    first, second = (caller.post("/employments", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code, second.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.get_json() == second.get_json()
