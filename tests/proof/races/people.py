"""Races of people: a nurse chosen by two owners, her shifts and her licence."""

from datetime import date, timedelta
from typing import Any

from deploy.demo.scenes import staff
from tests.proof.races.crowd import Call, at_once, post
from tests.proof.races.ground import Ground
from tests.proof.races.race import Round, race, require

SITES = ("OAK", "SJC")


def _candidate(ground: Ground) -> dict[str, Any]:
    """A nurse whom the people partner proposes to the CA practice."""
    marcus = ground.person("marcus.bell")
    person = {"given_name": "Rosa", "family_name": "Runner", "work_email": f"{ground.tag()}@lumina.example"}
    registered = marcus.post(f"{ground.stage.entity('mso', 'hr')}/people", person)["id"]
    introduced = {"legal_entity_id": ground.stage.ids["CA"]}
    marcus.post(f"/v1/network/hr/people/{registered}/introductions", introduced)
    body = {
        "person_id": registered,
        "position": "rn",
        "exposures": ["phi_access"],
        "location_ids": [ground.stage.ids[code] for code in SITES],
        "starts_on": str(ground.stage.today),
    }
    return dict(marcus.post(f"{ground.stage.entity('CA', 'hr')}/employments", body).body)


def _select(ground: Ground, job: dict[str, Any], key: str, outcome: str) -> Call:
    path = f"{ground.stage.entity('CA', 'hr')}/employments/{job['id']}/selection"
    return post(ground.person(key), path, {"outcome": outcome, "reason": "Interviewed."})


def nurse(ground: Ground) -> dict[str, Any]:
    """A nurse who lacks nothing; made once."""
    if ground.nurse is None:
        job = _candidate(ground)
        owner = ground.person("dr.nakamura")
        path = f"{ground.stage.entity('CA', 'hr')}/employments/{job['id']}/selection"
        owner.post(path, {"outcome": "approved", "reason": "Interviewed."})
        staff.papers(ground.stage, job["person_id"])
        staff.terms(ground.stage)
        trainings = ground.person("marcus.bell").all(
            f"{ground.stage.entity('CA', 'hr')}/training", person_id=job["person_id"]
        )
        for training in trainings:
            staff.complete(ground.stage, training, quietly=True)
        ground.nurse = job
    return ground.nurse


def _shift(ground: Ground, code: str, day: date, starts: str, ends: str) -> dict[str, Any]:
    body = {"employment_id": nurse(ground)["id"], "starts": f"{day}T{starts}", "ends": f"{day}T{ends}"}
    return dict(ground.person("marcus.bell").post(f"{ground.stage.site(code, 'hr')}/shifts", body).body)


def _publish(ground: Ground, code: str, shift: dict[str, Any], key: str = "marcus.bell") -> Call:
    return post(ground.person(key), f"{ground.stage.site(code, 'hr')}/shifts/{shift['id']}/publication")


def _cancel(ground: Ground, code: str, shift: dict[str, Any]) -> Call:
    path = f"{ground.stage.site(code, 'hr')}/shifts/{shift['id']}/cancellation"
    return post(ground.person("marcus.bell"), path, {"reason": "The race is over."})


def _day(ground: Ground) -> date:
    return ground.stage.today + timedelta(days=3)


@race("two owners decide on one nurse, yes and no", "not-awaiting-decision")
def selection(ground: Ground) -> Round:
    ground.appoint_second_officers()
    job = _candidate(ground)
    votes = (("dr.nakamura", "approved"), ("dr.weiss", "refused")) * 2
    answers = at_once([_select(ground, job, key, vote) for key, vote in votes])
    query = "select outcome from reserved_decision where subject_id = :id"
    taken = [row.outcome for row in ground.rows("hr", query, id=job["id"])]
    status = ground.one("hr", "select status from employment where id = :id", id=job["id"])
    require((taken == ["approved"]) == (status == "active"), f"{status}, on record {taken}")
    return Round(answers, len(taken))


@race("one nurse put on two sites' rosters for the same hours", "not-ready")
def two_sites(ground: Ground) -> Round:
    shifts = [(code, _shift(ground, code, _day(ground), "09:00", "17:00")) for code in SITES * 2]
    answers = at_once([_publish(ground, code, shift) for code, shift in shifts])
    ids = [shift["id"] for _, shift in shifts]
    published = ground.rows("hr", "select 1 from shift where id = any(:ids) and status = 'published'", ids=ids)
    for code, shift in shifts:
        _cancel(ground, code, shift)()
    return Round(answers, len(published))


@race("one shift published and cancelled together", "not-a-draft")
def publication_or_cancellation(ground: Ground) -> Round:
    shift = _shift(ground, "OAK", _day(ground), "09:00", "17:00")
    publish = [_publish(ground, "OAK", shift, key) for key in ("marcus.bell", "dana.reyes")]
    answers = at_once([*publish, _cancel(ground, "OAK", shift), _cancel(ground, "OAK", shift)])
    told = [ground.told("hr", f"hr.shift.{what}", shift["id"]) for what in ("published", "unpublished")]
    require(told[0] == told[1] <= 1, f"published {told[0]} times, taken back {told[1]} times")
    status = ground.one("hr", "select status from shift where id = :id", id=shift["id"])
    return Round(answers, int(status == "cancelled"))


@race("a shift published while the licence is found revoked", "not-ready")
def licence_revoked(ground: Ground) -> Round:
    shift, marcus = _shift(ground, "OAK", _day(ground), "09:00", "17:00"), ground.person("marcus.bell")
    query = "select id from credential where person_id = :id and kind = 'lic.rn'"
    licence = ground.one("hr", query, id=nurse(ground)["person_id"])
    path = f"{ground.stage.entity('CA', 'hr')}/credentials/{licence}/verifications"
    found = {"checked_on": str(ground.stage.today), "checked_with": "source look-up"}
    publish = [_publish(ground, "OAK", shift, key) for key in ("marcus.bell", "dana.reyes")]
    answers = at_once([*publish, post(marcus, path, {**found, "finding": "adverse"})])
    shown = marcus.get(f"{ground.stage.site('OAK', 'hr')}/shifts/{shift['id']}").body
    late = _publish(ground, "OAK", shift)()
    require(late.status == 409 or shown["status"] == "published", f"published without a licence: {late.body}")
    marcus.post(path, {**found, "finding": "confirmed"})
    _cancel(ground, "OAK", shift)()
    return Round(answers, int(not shown["on_roster"]))


RACES = (selection, two_sites, publication_or_cancellation, licence_revoked)
