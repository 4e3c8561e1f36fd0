"""Shifts: local time, and everything that must be in order."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from services.hr.shifts.models import Shift, ShiftStatus
from services.hr.shifts.rules import LocalTimeComesTwice, NoSuchLocalTime, instant, local_days
from shared.clock import frozen
from shared.directory import KnownAgreement
from shared.rules import Rule
from tests.hr.franchise import (
    CONFIRMED,
    Franchise,
    answer,
    credential,
    credentials_of_nurse,
    employ,
    lacking,
    nurse,
    publish,
    ready_nurse,
    register,
    select_clinician,
    shift,
    terms,
    train,
)

DAY = ("2026-11-23T09:00", "2026-11-23T17:00")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_local_times_become_instants_across_clock_changes() -> None:
    assert instant(local("2026-11-23T09:00"), "America/Los_Angeles") == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert instant(local("2026-07-01T09:00"), "America/Los_Angeles") == datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert instant(local("2026-07-01T09:00"), "America/Phoenix") == datetime(2026, 7, 1, 16, tzinfo=UTC)


def test_a_local_time_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NoSuchLocalTime):
        instant(local("2027-03-14T02:30"), "America/Los_Angeles")
    assert instant(local("2027-03-14T02:30"), "America/Phoenix").hour == 9


def test_a_local_time_that_comes_twice_must_say_which() -> None:
    with pytest.raises(LocalTimeComesTwice):
        instant(local("2027-11-07T01:30"), "America/New_York")
    first, second = (instant(local("2027-11-07T01:30"), "America/New_York", each) for each in (1, 2))
    assert second - first == timedelta(hours=1)


def test_a_night_shift_touches_two_days_unless_it_ends_at_midnight() -> None:
    starts = datetime(2026, 11, 24, 6, tzinfo=UTC)  # 22:00 in Los Angeles
    assert local_days(starts, starts + timedelta(hours=8), "America/Los_Angeles") == (
        date(2026, 11, 23),
        date(2026, 11, 24),
    )
    assert local_days(starts, starts + timedelta(hours=2), "America/Los_Angeles") == (date(2026, 11, 23),)


def test_a_night_shift_over_the_clock_change_has_its_true_length(spa: Franchise) -> None:
    job = nurse(spa, "NY")
    drafted = shift(spa, job, "2027-11-06T22:00", "2027-11-07T06:00", "NY")
    assert drafted["works_on"] == "2027-11-06"
    assert (drafted["starts_at"], drafted["ends_at"]) == ("2027-11-07T02:00:00Z", "2027-11-07T11:00:00Z")
    assert (drafted["starts"], drafted["ends"]) == ("2027-11-06T22:00", "2027-11-07T06:00")
    body = {"employment_id": job["id"], "starts": "2027-11-07T01:30", "ends": "2027-11-07T09:00"}
    twice = spa.manager("NY").post("/shifts", json=body)
    assert answer(twice, 422)["type"].endswith("local-time-comes-twice")
    chosen = answer(spa.manager("NY").post("/shifts", json={**body, "starts_occurrence": 2}), 201)
    assert chosen["starts_at"] == "2027-11-07T06:30:00Z"


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2026-11-23T17:00", "2026-11-23T09:00"),
        ("2026-11-23T09:00", "2026-11-23T09:00"),
        ("2026-11-23T09:00", "2026-11-24T09:01"),
        ("2026-11-23T09:00Z", "2026-11-23T17:00"),
        ("2026-11-23T9:00", "2026-11-23T17:00"),
        ("2026-11-23", "2026-11-24"),
        (5, "2026-11-23T17:00"),
        ("2027-03-14T02:30", "2027-03-14T09:00"),
    ],
)
def test_impossible_times_are_refused(spa: Franchise, starts: Any, ends: Any) -> None:
    job = nurse(spa)
    body = {"employment_id": job["id"], "starts": starts, "ends": ends}
    assert spa.manager("CA").post("/shifts", json=body).status_code == 422


def test_a_shift_names_everything_that_is_missing(spa: Franchise) -> None:
    drafted = shift(spa, nurse(spa, exposures=["bloodborne"]), *DAY)
    refused = answer(publish(spa, drafted), 409)
    found = {each["item"]: each for each in refused["missing"]}
    assert {"credential:lic.rn", "credential:ins.malpractice", "credential:check.exclusion", "schedule_terms"} <= set(
        found
    )
    assert {"training:osha.bbp", "training:clinical.bls", "training:ca.wvp"} <= set(found)
    assert "training:harass.ca" not in found  # within six months of hire
    assert "training:osha.hbv_offer" not in found  # within ten working days
    assert found["training:osha.bbp"]["source"][:2] == ["training:osha.bbp@2026-11-21", "29 CFR 1910.1030(g)(2)"]
    assert found["training:osha.bbp"]["can_be_overridden"] is False
    assert found["credential:lic.rn"]["detail"] == "Registered nurse licence for CA: not recorded."
    assert found["schedule_terms"]["source"] == ["reserved_decision:hr.clinician.schedule.set"]
    assert {each["pointer"] for each in refused["errors"]} == set(found)
    checks = answer(spa.manager("CA").get(f"/shifts/{drafted['id']}/checks"), 200)
    assert {each["item"] for each in checks["missing"]} == set(found)
    assert checks["can_be_published"] is False
    assert spa.told("hr.shift.published") == []


def test_a_shift_publishes_when_everything_is_in_order(spa: Franchise) -> None:
    terms(spa)
    drafted = shift(spa, ready_nurse(spa), *DAY)
    published = answer(publish(spa, drafted), 200)
    assert (published["status"], published["on_roster"], published["off_because"]) == ("published", True, [])
    assert answer(publish(spa, drafted), 200)["status"] == "published"
    assert [told["starts_at"] for told in spa.told("hr.shift.published")] == ["2026-11-23T17:00:00Z"]


def test_one_training_left_keeps_the_shift_back(spa: Franchise) -> None:
    terms(spa)
    job = nurse(spa, exposures=["bloodborne"])
    credentials_of_nurse(spa, job["person_id"])
    train(spa, job["person_id"], but=("osha.bbp",))
    assert lacking(publish(spa, shift(spa, job, *DAY))) == {"training:osha.bbp"}


def test_a_licence_of_another_state_does_not_count(spa: Franchise) -> None:
    terms(spa)
    job = nurse(spa)
    credentials_of_nurse(spa, job["person_id"], "TX")
    credential(spa.network(), job["person_id"], "ins.malpractice", state="CA", expires_on="2027-10-31")
    train(spa, job["person_id"])
    assert lacking(publish(spa, shift(spa, job, *DAY))) == {"credential:lic.rn"}


def test_a_licence_must_hold_on_the_day_of_the_shift_and_through_the_night(spa: Franchise) -> None:
    terms(spa)
    job = nurse(spa)
    person = job["person_id"]
    credential(spa.network(), person, "lic.rn", state="CA", number="R", expires_on="2026-12-01")
    credential(spa.network(), person, "ins.malpractice", state="CA", expires_on="2027-10-31")
    credential(spa.network(), person, "check.exclusion")
    train(spa, person)
    assert publish(spa, shift(spa, job, "2026-12-01T09:00", "2026-12-01T17:00")).status_code == 200
    night = shift(spa, job, "2026-12-01T22:00", "2026-12-02T06:00")
    assert "credential:lic.rn" in lacking(publish(spa, night))
    refused = answer(publish(spa, night), 409)["missing"]
    assert "lapsed since 2026-12-01" in next(each["detail"] for each in refused if each["item"] == "credential:lic.rn")


def test_a_licence_that_nobody_confirmed_does_not_count(spa: Franchise) -> None:
    terms(spa)
    job = nurse(spa)
    person = job["person_id"]
    held = credential(
        spa.network(), person, "lic.rn", state="CA", number="R", expires_on="2028-12-01", verification=None
    )
    credential(spa.network(), person, "ins.malpractice", state="CA", expires_on="2027-10-31")
    credential(spa.network(), person, "check.exclusion")
    train(spa, person)
    drafted = shift(spa, job, *DAY)
    assert lacking(publish(spa, drafted)) == {"credential:lic.rn"}
    answer(spa.network().post(f"/credentials/{held['id']}/verifications", json=CONFIRMED), 201)
    assert publish(spa, drafted).status_code == 200


def test_a_match_on_an_exclusion_list_outweighs_an_older_clear_check(spa: Franchise) -> None:
    terms(spa)
    job = ready_nurse(spa)
    match = {**CONFIRMED, "finding": "adverse"}
    credential(spa.network(), job["person_id"], "check.exclusion", issued_on="2026-11-22", verification=match)
    drafted = shift(spa, job, *DAY)
    assert lacking(publish(spa, drafted)) == {"credential:check.exclusion"}


def test_a_credential_that_turns_bad_takes_the_published_shift_off_the_same_day(spa: Franchise) -> None:
    terms(spa)
    job = ready_nurse(spa)
    drafted = shift(spa, job, *DAY)
    answer(publish(spa, drafted), 200)
    [held] = answer(spa.network().get(f"/credentials?person_id={job['person_id']}&kind=lic.rn"), 200)["items"]
    adverse = {**CONFIRMED, "finding": "adverse", "reference": "Board order 7"}
    answer(spa.network().post(f"/credentials/{held['id']}/verifications", json=adverse), 201)
    [listed] = answer(spa.manager("CA").get("/shifts?status=published"), 200)["items"]
    assert listed["on_roster"] is False
    assert [each["item"] for each in listed["off_because"]] == ["credential:lic.rn"]
    over = datetime(2026, 11, 25, tzinfo=UTC)
    with frozen(over):  # what was worked is history
        assert answer(spa.manager("CA").get(f"/shifts/{drafted['id']}"), 200)["off_because"] == []


def test_an_exclusion_check_that_is_not_repeated_takes_the_shift_off(spa: Franchise) -> None:
    terms(spa)
    drafted = shift(spa, ready_nurse(spa), "2026-12-15T09:00", "2026-12-15T17:00")
    assert answer(publish(spa, drafted), 200)["on_roster"] is True
    with frozen(datetime(2026, 12, 10, 18, tzinfo=UTC)):
        shown = answer(spa.manager("CA").get(f"/shifts/{drafted['id']}"), 200)
    assert [each["item"] for each in shown["off_because"]] == ["credential:check.exclusion"]


def test_a_shift_after_the_employment_is_refused(spa: Franchise) -> None:
    terms(spa)
    job = ready_nurse(spa)
    last = {"ends_on": "2026-11-30", "reason": "By agreement."}
    answer(spa.owner("CA").post(f"/employments/{job['id']}/termination", json=last), 200)
    assert publish(spa, shift(spa, job, "2026-11-30T09:00", "2026-11-30T17:00")).status_code == 200
    later = lacking(publish(spa, shift(spa, job, "2026-12-01T09:00", "2026-12-01T17:00")))
    assert later == {"employment", "assignment"}


def test_a_shift_at_a_site_without_assignment_is_refused(spa: Franchise) -> None:
    terms(spa)
    first, second = (
        ready_nurse(spa, "CA", "Ann"),
        employ(spa.partner("CA"), register(spa.partner("CA"), "Bea"), "front_desk", [spa.sites["CA"]]),
    )
    assert first["person_id"] != second["person_id"]
    future = {"location_id": str(spa.sites["CA2"]), "starts_on": "2026-12-10"}
    answer(spa.partner("CA").post(f"/employments/{first['id']}/assignments", json=future), 201)
    drafted = shift(spa, first, *DAY, "CA2")
    assert lacking(publish(spa, drafted, "CA2")) == {"assignment"}


def test_an_employer_that_the_rules_no_longer_tolerate_blocks_the_shift(spa: Franchise) -> None:
    with spa.database.transaction(spa.whole) as session:
        tolerant = Rule.body.op("||")({"cpom": "weak"})
        session.execute(update(Rule).where(Rule.kind == "state", Rule.key == "TX").values(body=tolerant))
    terms(spa, "TX")
    job = employ(spa.partner(), register(spa.partner()), "rn", [spa.sites["TX"]])
    select_clinician(spa.owner("TX"), job)
    credentials_of_nurse(spa, job["person_id"], "TX")
    train(spa, job["person_id"], "TX")
    drafted = shift(spa, job, *DAY, "TX")
    with spa.database.transaction(spa.whole) as session:
        strict = Rule.body.op("||")({"cpom": "strict"})
        session.execute(update(Rule).where(Rule.kind == "state", Rule.key == "TX").values(body=strict))
    [refused] = answer(publish(spa, drafted, "TX"), 409)["missing"]
    assert (refused["item"], refused["source"][0]) == ("employer", "term.no_clinical_employment_by_mso")


def test_mso_staff_leave_the_roster_when_the_agreement_ends(spa: Franchise) -> None:
    job = employ(spa.partner(), register(spa.partner()), "front_desk", [spa.sites["CA"]])
    credential(spa.network(), job["person_id"], "check.exclusion")
    train(spa, job["person_id"])
    drafted = shift(spa, job, *DAY)
    assert answer(publish(spa, drafted), 200)["on_roster"] is True
    with spa.database.transaction(spa.whole) as session:
        ended = update(KnownAgreement).where(KnownAgreement.legal_entity_id == spa.clinics["CA"])
        session.execute(ended.values(ends_on=date(2026, 11, 22)))
    shown = answer(spa.manager("CA").get(f"/shifts/{drafted['id']}"), 200)
    assert [each["item"] for each in shown["off_because"]] == ["agreement"]


def test_nobody_is_at_two_places_at_once(spa: Franchise) -> None:
    terms(spa)
    job = ready_nurse(spa)
    other = {"location_id": str(spa.sites["CA2"]), "starts_on": "2026-11-22"}
    answer(spa.partner("CA").post(f"/employments/{job['id']}/assignments", json=other), 201)
    answer(publish(spa, shift(spa, job, *DAY)), 200)
    there = shift(spa, job, "2026-11-23T16:00", "2026-11-23T20:00", "CA2")
    refused = answer(publish(spa, there, "CA2"), 409)
    assert [each["item"] for each in refused["missing"]] == ["overlap"]
    assert str(spa.sites["CA"]) not in str(refused)


def test_two_sites_publish_the_same_hours_at_the_same_moment_once(spa: Franchise) -> None:
    terms(spa)
    job = ready_nurse(spa)
    other = {"location_id": str(spa.sites["CA2"]), "starts_on": "2026-11-22"}
    answer(spa.partner("CA").post(f"/employments/{job['id']}/assignments", json=other), 201)
    drafted = {code: shift(spa, job, *DAY, code) for code in ("CA", "CA2")}
    statuses: list[int] = []
    barrier = threading.Barrier(2)

    def run(code: str) -> None:
        barrier.wait()
        statuses.append(publish(spa, drafted[code], code).status_code)

    threads = [threading.Thread(target=run, args=(code,)) for code in drafted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]
    with spa.database.transaction(spa.whole) as session:
        assert session.query(Shift).filter_by(status=ShiftStatus.PUBLISHED).count() == 1


def test_publishing_keeps_the_owners_schedule_terms(spa: Franchise) -> None:
    terms(spa, max_week_hours="18")
    job = ready_nurse(spa)
    assert lacking(publish(spa, shift(spa, job, "2026-11-23T08:00", "2026-11-23T19:00"))) == {"shift_hours"}
    answer(publish(spa, shift(spa, job, *DAY)), 200)
    assert lacking(publish(spa, shift(spa, job, "2026-11-24T02:59", "2026-11-24T04:00"))) == {"rest"}
    answer(publish(spa, shift(spa, job, "2026-11-24T09:00", "2026-11-24T18:00")), 200)
    assert lacking(publish(spa, shift(spa, job, "2026-11-25T09:00", "2026-11-25T11:00"))) == {"week_hours"}
    answer(publish(spa, shift(spa, job, "2026-11-30T09:00", "2026-11-30T17:00")), 200)


def test_only_the_owner_sets_schedule_terms(spa: Franchise) -> None:
    body = {
        "effective_from": "2026-11-01",
        "max_shift_hours": "12",
        "max_week_hours": "40",
        "min_rest_hours": "8",
        "reason": "x",
    }
    assert spa.partner("CA").post("/schedule-terms", json=body).status_code == 403
    assert spa.director("CA").post("/schedule-terms", json=body).status_code == 403
    for change in ({"max_shift_hours": "25"}, {"max_week_hours": "0"}, {"max_shift_hours": 8}):
        assert spa.owner("CA").post("/schedule-terms", json={**body, **change}).status_code == 422
    answer(spa.owner("CA").post("/schedule-terms", json=body), 201)
    assert [each["decision"] for each in spa.told("hr.decision.taken")] == ["hr.clinician.schedule.set"]
    assert len(answer(spa.manager("CA2").get("/schedule-terms"), 200)["items"]) == 1
    assert answer(spa.manager("NY").get("/schedule-terms"), 200)["items"] == []


def override(caller: Any, drafted: dict[str, Any], item: str) -> Any:
    body = {"item": item, "reason": "Trained yesterday, card in the post."}
    return caller.post(f"/shifts/{drafted['id']}/overrides", json=body)


def test_a_named_override_lets_pass_what_no_law_asks_for(spa: Franchise) -> None:
    terms(spa)
    job = nurse(spa, exposures=["bloodborne"])
    credentials_of_nurse(spa, job["person_id"])
    train(spa, job["person_id"], but=("clinical.bls", "osha.bbp"))
    drafted = shift(spa, job, *DAY)
    director = spa.manager("CA", "medical_director", "clinical")
    law = answer(override(director, drafted, "training:osha.bbp"), 403)
    assert (law["policy"], "29 CFR 1910.1030(g)(2)" in law["source"]) == ("training:osha.bbp", True)
    business = override(spa.manager("CA", "people_partner"), drafted, "training:clinical.bls")
    assert answer(business, 403)["type"].endswith("overridden-by-business")
    first, again = (answer(override(director, drafted, "training:clinical.bls"), 201) for _ in range(2))
    assert first == again
    assert answer(override(director, drafted, "training:ca.wvp"), 409)["type"].endswith("nothing-to-override")
    assert lacking(publish(spa, drafted)) == {"training:osha.bbp"}
    train(spa, job["person_id"], but=("clinical.bls",))
    answer(publish(spa, drafted), 200)
    assert [told["item"] for told in spa.told("hr.shift.overridden")] == ["training:clinical.bls"]


def test_short_rest_of_business_staff_can_be_overridden(spa: Franchise) -> None:
    job = employ(spa.partner(), register(spa.partner()), "front_desk", [spa.sites["CA"]])
    credential(spa.network(), job["person_id"], "check.exclusion")
    train(spa, job["person_id"])
    answer(publish(spa, shift(spa, job, "2026-11-23T14:00", "2026-11-23T22:00")), 200)
    early = shift(spa, job, "2026-11-24T05:00", "2026-11-24T09:00")
    assert lacking(publish(spa, early)) == {"rest"}
    answer(override(spa.manager("CA", "people_partner"), early, "rest"), 201)
    answer(publish(spa, early), 200)


def test_a_draft_moves_only_with_the_version_that_was_read(spa: Franchise) -> None:
    drafted = shift(spa, nurse(spa), *DAY)
    path, body = f"/shifts/{drafted['id']}", {"starts": "2026-11-23T10:00", "ends": "2026-11-23T18:00"}
    manager = spa.manager("CA")
    tag = manager.get(path).headers["ETag"]
    assert manager.put(path, json=body).status_code == 428
    assert answer(manager.put(path, json=body, headers={"If-Match": tag}), 200)["starts"] == "2026-11-23T10:00"
    assert manager.put(path, json=body, headers={"If-Match": tag}).status_code == 412


def test_a_published_shift_is_taken_back_before_it_changes(spa: Franchise) -> None:
    terms(spa)
    drafted = shift(spa, ready_nurse(spa), *DAY)
    answer(publish(spa, drafted), 200)
    manager, path = spa.manager("CA"), f"/shifts/{drafted['id']}"
    body = {"starts": "2026-11-23T10:00", "ends": "2026-11-23T18:00"}
    assert answer(manager.put(path, json=body, headers={"If-Match": "*"}), 409)["type"].endswith("not-a-draft")
    why = {"reason": "Room closed."}
    assert answer(manager.post(f"{path}/withdrawal", json=why), 200)["status"] == "draft"
    assert manager.post(f"{path}/withdrawal", json=why).status_code == 409
    assert [told["reason"] for told in spa.told("hr.shift.unpublished")] == ["Room closed."]
    assert answer(manager.post(f"{path}/cancellation", json=why), 200)["status"] == "cancelled"
    assert publish(spa, drafted).status_code == 409
    assert manager.post(f"{path}/cancellation", json=why).status_code == 409


def test_shifts_of_another_site_do_not_exist(spa: Franchise) -> None:
    drafted = shift(spa, nurse(spa), *DAY)
    for path in ("", "/checks"):
        assert spa.manager("CA2").get(f"/shifts/{drafted['id']}{path}").status_code == 404
    assert publish(spa, drafted, "CA2").status_code == 404
    assert override(spa.manager("CA2"), drafted, "rest").status_code == 404
    assert answer(spa.manager("CA2").get("/shifts"), 200)["items"] == []
    assert len(answer(spa.network().get("/shifts?starts_from=2026-11-23T00:00:00Z"), 200)["items"]) == 1
    assert answer(spa.network().get("/shifts?starts_before=2026-11-23T00:00:00Z"), 200)["items"] == []
