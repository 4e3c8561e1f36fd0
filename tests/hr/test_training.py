"""Training: what the rules ask, when, and how long a proof holds."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml
from sqlalchemy.exc import ProgrammingError

from services.gateway.rules.dataset import FOLDER
from services.hr.positions.rules import Exposure, Position
from services.hr.training import rules
from services.hr.training.models import TrainingCompletion
from services.hr.training.rules import Work
from shared.clock import frozen
from shared.rules import Rule
from tests.hr.franchise import DATASET, Franchise, answer, dataset, employ, nurse, register, rule

START = date(2026, 11, 20)  # a Friday
TRAINING = [rule(each.kind, each.key, each.body) for each in dataset() if each.kind == "training"]
BY_KEY: dict[str, Rule] = {each.key: each for each in TRAINING}


def work(position: str = "rn", state: str = "CA", *exposures: str, locality: str | None = None) -> Work:
    return Work(position, frozenset(exposures), state, locality, START)


def asked(of: Work) -> set[str]:
    return {each.key for each in rules.asked(TRAINING, of)}


def frequency(initial: Any, recurring: Any = None, force: str = "law") -> dict[str, Any]:
    return {"frequency": {"initial": initial, "recurring": recurring}, "applies_to": {"roles": ["all"]}, "force": force}


def test_the_positions_and_exposures_are_those_of_the_dataset() -> None:
    data = yaml.safe_load((FOLDER / DATASET / "training.yaml").read_text())
    assert {str(each) for each in Position} == set(data["roles"]) - {"supervisor"}
    assert {str(each) for each in Exposure} == set(data["exposures"])


def test_role_exposure_and_state_decide_what_is_asked() -> None:
    injector = asked(work("rn", "CA", "bloodborne"))
    assert {"osha.bbp", "osha.hbv_offer", "harass.ca", "ca.wvp", "clinical.bls", "clinical.good_faith_exam"} <= injector
    assert not {"harass.ny", "tx.hb300", "laser.ansi", "hipaa.privacy", "biz.billing_integrity"} & injector
    assert "laser.ansi" in asked(work("rn", "CA", "laser_or_energy_device"))
    assert {"tx.hb300", "hipaa.privacy"} <= asked(work("front_desk", "TX", "phi_access"))
    assert "clinical.bls" not in asked(work("front_desk", "TX"))


def test_a_city_asks_only_those_who_work_in_it() -> None:
    assert "harass.nyc" in asked(work("rn", "NY", locality="new york city"))
    assert "harass.nyc" not in asked(work("rn", "NY", locality="Albany"))
    assert "harass.nyc" not in asked(work("rn", "NY"))


def test_states_without_a_rule_of_their_own_get_the_baseline() -> None:
    assert "harass.baseline" in asked(work("rn", "AZ"))
    assert "harass.baseline" not in asked(work("rn", "CA"))
    assert "harass.baseline" not in asked(work("rn", "IL"))


@pytest.mark.parametrize(
    ("words", "due", "certain"),
    [
        ("within 10 working days of assignment", date(2026, 12, 4), True),
        ("within 90 days of hire", date(2027, 2, 18), True),
        ("within 6 months of hire or promotion", date(2027, 5, 20), True),
        ("within 1 year", date(2027, 11, 20), True),
        ("before first exposure task", START, True),
        ("before system access", START, True),
        ("at assignment", START, True),
        (True, START, True),
        (None, None, True),
        ("within a reasonable time of joining", START, False),
        ("as soon as possible after hire", START, False),
        ("with registration", START, False),
        ("when the moon is full", START, False),
    ],
)
def test_due_dates_come_from_the_rules_own_words(words: Any, due: date | None, certain: bool) -> None:
    found = rules.first_due(frequency(words), work())
    assert (found.on, found.certain) == (due, certain)


def test_every_rule_of_the_dataset_gets_a_due_date_or_says_why_not() -> None:
    for entry in TRAINING:
        exposures = entry.body["applies_to"].get("exposures", [])
        found = rules.first_due(entry.body, work("rn", "CA", *exposures))
        assert (found.on is None) == (entry.body["frequency"]["initial"] is None), entry.key


def test_what_must_come_before_an_exposure_waits_for_the_exposure() -> None:
    body = BY_KEY["device.competency"].body
    assert rules.first_due(body, work("rn", "CA")).on is None
    assert rules.first_due(body, work("rn", "CA", "laser_or_energy_device")).on == START


@pytest.mark.parametrize(
    ("words", "done", "until"),
    [
        ("within 12 months", date(2026, 11, 22), date(2027, 11, 22)),
        ("annual", date(2024, 2, 29), date(2025, 2, 28)),
        ("product default annual", date(2026, 1, 31), date(2027, 1, 31)),
        ("every 2 years", date(2026, 11, 22), date(2028, 11, 22)),
        ("supplement every 10 years", date(2026, 11, 22), date(2036, 11, 22)),
        ("annual, 1 July to 30 June", date(2026, 7, 1), date(2028, 6, 30)),
        ("annual, 1 July to 30 June", date(2026, 6, 30), date(2027, 6, 30)),
        ("with certificate renewal", date(2026, 11, 22), date(2027, 11, 22)),
        ("one time", date(2026, 11, 22), None),
        (None, date(2026, 11, 22), None),
    ],
)
def test_a_proof_holds_as_long_as_the_rule_says(words: Any, done: date, until: date | None) -> None:
    assert rules.valid_until(frequency(True, words), done) == until


def test_repeating_in_the_window_keeps_the_anniversary_unless_it_is_law() -> None:
    early, until = date(2026, 11, 22), date(2027, 1, 15)
    assert rules.valid_until(frequency(True, "annual", "product"), early, until) == date(2028, 1, 15)
    assert rules.valid_until(frequency(True, "annual", "law"), early, until) == date(2027, 11, 22)
    far_too_early = date(2026, 3, 1)
    assert rules.valid_until(frequency(True, "annual", "product"), far_too_early, until) == date(2027, 3, 1)
    too_late = date(2027, 1, 16)
    assert rules.valid_until(frequency(True, "annual", "product"), too_late, until) == date(2028, 1, 16)


def test_a_supervisor_needs_more_hours() -> None:
    body = BY_KEY["harass.ca"].body
    assert (rules.hours(body, supervises=True), rules.hours(body, supervises=False)) == (Decimal(2), Decimal(1))
    assert rules.hours(BY_KEY["laser.az_technician"].body, supervises=False) == Decimal(64)


def test_training_is_assigned_when_the_employment_begins(spa: Franchise) -> None:
    job = nurse(spa, exposures=["bloodborne"])
    listed = {each["requirement"]: each for each in training_of(spa, job)}
    assert listed["osha.bbp"]["due_on"] == "2026-11-22"
    assert listed["osha.hbv_offer"]["due_on"] == "2026-12-04"
    assert listed["harass.ca"]["due_on"] == "2027-05-22"
    assert listed["osha.bbp"]["citation"] == "29 CFR 1910.1030(g)(2)"
    assert {told["requirement"] for told in spa.told("hr.training.assigned")} == set(listed)


def training_of(spa: Franchise, job: dict[str, Any]) -> list[dict[str, Any]]:
    listed = answer(spa.network().get(f"/training?person_id={job['person_id']}&limit=200"), 200)
    items: list[dict[str, Any]] = listed["items"]
    return items


def one(spa: Franchise, job: dict[str, Any], requirement: str) -> dict[str, Any]:
    return next(each for each in training_of(spa, job) if each["requirement"] == requirement)


def test_assigning_again_assigns_nothing_twice(spa: Franchise) -> None:
    job = nurse(spa)
    before = len(training_of(spa, job))
    assert answer(spa.partner("CA").post(f"/people/{job['person_id']}/training"), 200)["items"] == []
    assert len(training_of(spa, job)) == before


def test_a_new_exposure_asks_for_more_training(spa: Franchise) -> None:
    job = nurse(spa)
    assert one(spa, job, "device.competency")["due_on"] is None
    path, body = f"/employments/{job['id']}/exposures", {"exposures": ["laser_or_energy_device"]}
    tag = spa.partner("CA").get(f"/employments/{job['id']}").headers["ETag"]
    assert spa.partner("CA").put(path, json=body).status_code == 428
    assert spa.partner("CA").put(path, json=body, headers={"If-Match": '"999"'}).status_code == 412
    answer(spa.partner("CA").put(path, json=body, headers={"If-Match": tag}), 200)
    assert one(spa, job, "device.competency")["due_on"] == "2026-11-22"
    assert one(spa, job, "laser.ansi")["status"] == "open"


DONE = {"completed_on": "2026-11-22", "provider": "Academy"}


def test_a_completion_gives_a_certificate_and_a_new_due_date(spa: Franchise) -> None:
    job = nurse(spa, exposures=["bloodborne"])
    path = f"/training/{one(spa, job, 'osha.bbp')['id']}/completions"
    first, again = (answer(spa.partner("CA").post(path, json=DONE), 201) for _ in range(2))
    assert first == again
    assert (first["certificate"], first["valid_until"]) == ("TC-2026-000001", "2027-11-22")
    assert len(spa.told("hr.training.completed")) == 1
    assert one(spa, job, "osha.bbp")["status"] == "done"
    for month, day, status in ((9, 1, "renew"), (11, 22, "renew"), (11, 23, "expired")):
        with frozen(datetime(2027, month, day, 12, tzinfo=UTC)):
            assert one(spa, job, "osha.bbp")["status"] == status


def test_old_proof_stays_when_a_training_is_repeated(spa: Franchise) -> None:
    job = nurse(spa, exposures=["bloodborne"])
    path = f"/training/{one(spa, job, 'osha.bbp')['id']}/completions"
    for day in ("2025-11-20", "2026-11-20"):
        answer(spa.partner("CA").post(path, json={**DONE, "completed_on": day}), 201)
    kept = answer(spa.partner("CA").get(f"/training-completions?person_id={job['person_id']}"), 200)["items"]
    assert [each["completed_on"] for each in kept] == ["2026-11-20", "2025-11-20"]
    with pytest.raises(ProgrammingError, match="permission denied"), spa.database.transaction(spa.whole) as session:
        session.query(TrainingCompletion).update({"completed_on": date(2026, 1, 1)})


def test_a_completion_must_have_happened_and_lasted_long_enough(spa: Franchise) -> None:
    job = nurse(spa)
    path = f"/training/{one(spa, job, 'harass.ca')['id']}/completions"
    tomorrow = {**DONE, "completed_on": "2026-11-23", "hours": "1"}
    assert answer(spa.partner("CA").post(path, json=tomorrow), 422)["type"].endswith("not-yet-happened")
    assert answer(spa.partner("CA").post(path, json=DONE), 422)["type"].endswith("too-few-hours")
    assert answer(spa.partner("CA").post(path, json={**DONE, "hours": "0.5"}), 422)["type"].endswith("too-few-hours")
    assert spa.partner("CA").post(path, json={**DONE, "hours": 1}).status_code == 422
    answer(spa.partner("CA").post(path, json={**DONE, "hours": "1"}), 201)


def test_hands_on_training_is_signed_off_by_the_medical_director_only(spa: Franchise) -> None:
    job = nurse(spa, exposures=["laser_or_energy_device"])
    path = f"/training/{one(spa, job, 'device.competency')['id']}"
    refused = answer(spa.partner("CA").post(f"{path}/completions", json=DONE), 403)
    assert refused["source"] == "hr.clinical_training.signoff"
    assert spa.owner("CA").post(f"{path}/sign-off", json=DONE).status_code == 403
    assert spa.director("NY").post(f"{path}/sign-off", json=DONE).status_code == 404
    director = spa.director("CA")
    signed = answer(director.post(f"{path}/sign-off", json=DONE), 201)
    assert signed["signed_off_by"] == str(director.principal_id)
    assert spa.told("hr.decision.taken")[-1]["decision"] == "hr.clinical_training.signoff"


def test_the_rules_can_be_asked_before_anybody_is_hired(spa: Franchise) -> None:
    path = (
        "/training-requirements?position=rn&state=NY&locality=New York City&exposures=bloodborne&exposures=phi_access"
    )
    found = {each["requirement"]: each for each in answer(spa.network().get(path), 200)["items"]}
    assert {"osha.bbp", "harass.ny", "harass.nyc", "hipaa.privacy"} <= set(found)
    assert found["harass.ny"]["certain"] is False
    assert found["osha.hbv_offer"]["first_due_on"] == "2026-12-04"
    assert found["osha.ppe"]["source"].startswith("https://")
    assert found["harass.ny"]["recurring"] == "annual"
    assert found["harass.nyc"]["threshold"] == "15 or more employees"
    assert spa.network().get("/training-requirements?position=wizard&state=NY").status_code == 422


def test_business_staff_get_their_own_training(spa: Franchise) -> None:
    job = employ(spa.partner(), register(spa.partner()), "mso_billing", [], exposures=["phi_access"])
    names = {each["requirement"] for each in training_of(spa, job)}
    assert {"biz.billing_integrity", "hipaa.security", "biz.cpom_boundary"} <= names


def test_what_is_overdue_is_found_across_the_network(spa: Franchise) -> None:
    job = nurse(spa, exposures=["bloodborne"])
    path = f"/training/{one(spa, job, 'osha.bbp')['id']}/completions"
    answer(spa.network().post(path, json=DONE), 201)
    due = answer(spa.network().get("/training?due_before=2026-12-04&limit=200"), 200)["items"]
    names = {each["requirement"] for each in due}
    assert "clinical.infection_control" in names
    assert not {"osha.bbp", "osha.hbv_offer", "harass.ca"} & names
    later = answer(spa.network().get("/training?due_before=2027-11-24&limit=200"), 200)["items"]
    assert {"osha.bbp", "osha.hbv_offer", "harass.ca"} <= {each["requirement"] for each in later}


def test_a_site_records_the_training_of_its_own_people_only(spa: Franchise) -> None:
    job = nurse(spa, exposures=["bloodborne"])
    path = f"/training/{one(spa, job, 'osha.bbp')['id']}/completions"
    assert spa.manager("CA2").post(path, json=DONE).status_code == 404
    answer(spa.manager("CA").post(path, json=DONE), 201)


def test_two_records_of_one_course_at_the_same_moment_are_one(spa: Franchise) -> None:
    job = nurse(spa, exposures=["bloodborne"])
    path = f"/training/{one(spa, job, 'osha.bbp')['id']}/completions"
    certificates: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: certificates.append(answer(spa.network().post(path, json=DONE), 201)["certificate"])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert certificates == ["TC-2026-000001"] * 4
    assert len(spa.told("hr.training.completed")) == 1
