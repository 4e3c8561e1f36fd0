"""People: who may employ a nurse, what she must hold and learn, and a roster that says no until all of it is there."""

from datetime import timedelta
from typing import Any

from stdnum import luhn

from deploy.demo.stage import Stage


def play(stage: Stage) -> None:
    """The whole scene. Raises StoryBroken."""
    stage.chapter("3. People: an aesthetician for the desk, a nurse for the practice")
    aesthetician_for_the_office(stage)
    nurse = nurse_for_the_practice(stage)
    papers(stage, nurse["person_id"])
    shift = first_shift(stage, nurse)
    stage.expect(publish(stage, shift), 200, "Now the shift publishes", lambda it: f"{it['starts']} to {it['ends']}")


def register(stage: Stage, given: str, family: str, entity: str) -> str:
    """Marcus Bell registers a person; returns the id."""
    email = f"{given}.{family}.{stage.tag}@lumina.example".lower()
    body = {"given_name": given, "family_name": family, "work_email": email}
    return str(stage.person("marcus.bell").post(f"{stage.entity(entity, 'hr')}/people", body)["id"])


def aesthetician_for_the_office(stage: Stage) -> None:
    """The MSO may employ an aesthetician for its front desk."""
    marcus = stage.person("marcus.bell")
    person = register(stage, "Bianca", "Lowe", "mso")
    body = {
        "person_id": person,
        "position": "front_desk",
        "location_ids": [stage.ids["OAK"]],
        "starts_on": str(stage.today),
    }
    made = marcus.call("POST", f"{stage.entity('mso', 'hr')}/employments", body)
    words = "Marcus Bell, people partner, hires Bianca Lowe, an aesthetician, for the MSO's front desk in Oakland"
    stage.expect(made, 201, words, lambda it: it["status"])


def nurse_for_the_practice(stage: Stage) -> dict[str, Any]:
    """Not by the MSO in California; by the practice, after its owner decided."""
    marcus, owner = stage.person("marcus.bell"), stage.person("dr.nakamura")
    person = register(stage, "Rosa", "Lindqvist", "mso")
    body = {
        "person_id": person,
        "position": "rn",
        "exposures": ["bloodborne", "phi_access"],
        "location_ids": [stage.ids["OAK"]],
        "starts_on": str(stage.today),
    }
    barred = marcus.call("POST", f"{stage.entity('mso', 'hr')}/employments", body)
    stage.require(400 <= barred.status < 500, f"the MSO employs a nurse in CA: {barred.status}")
    words = "He tries to employ Rosa Lindqvist, a nurse injector, at the MSO"
    stage.refused(barred, barred.status, words)
    introduced = {"legal_entity_id": stage.ids["CA"]}
    marcus.post(f"/v1/network/hr/people/{person}/introductions", introduced)
    path = f"{stage.entity('CA', 'hr')}/employments"
    proposed = stage.expect(
        marcus.call("POST", path, body),
        201,
        "He proposes her to Lakeside Aesthetics PC instead",
        lambda it: it["status"],
    )
    selection = f"{path}/{proposed['id']}/selection"
    decision = {"outcome": "approved", "reason": "Interviewed; skilled with neurotoxins."}
    own = marcus.call("POST", selection, decision)
    stage.refused(own, 403, "Marcus cannot decide on a clinician", policy="wall.reserved-decision")
    done = owner.call("POST", selection, decision)
    stage.expect(done, 200, "Dr. Nakamura, the owner, decides to employ her", lambda it: it["status"])
    return dict(done.body)


def npi_for(stage: Stage) -> str:
    """A made-up NPI of this telling with a right check digit (Luhn over 80840 + number)."""
    body = "1" + f"{int(stage.tag, 16) % 10**8:08d}"
    return body + str(luhn.calc_check_digit(f"80840{body}"))


def papers(stage: Stage, person: str) -> None:
    """Licence, NPI, insurance, exclusion check; a mistyped NPI is noticed."""
    marcus, path = stage.person("marcus.bell"), f"{stage.entity('CA', 'hr')}/people/{person}/credentials"
    npi = npi_for(stage)
    wrong = npi[:-1] + str((int(npi[-1]) + 1) % 10)
    year_ago, in_a_year = str(stage.today - timedelta(days=300)), str(stage.today + timedelta(days=400))
    looked_up = {"checked_on": str(stage.today), "checked_with": "source look-up", "finding": "confirmed"}
    base = {"issued_on": year_ago, "verification": looked_up}
    mistyped = marcus.call("POST", path, {**base, "kind": "id.npi1", "number": wrong})
    stage.refused(mistyped, 422, f"Marcus mistypes her NPI as {wrong}")
    for kind, more, words in (
        ("id.npi1", {"number": npi}, f"Her NPI {npi}"),
        ("lic.rn", {"state": "CA", "number": f"RN{stage.tag}", "expires_on": in_a_year}, "Her California licence"),
        ("ins.malpractice", {"state": "CA", "expires_on": in_a_year}, "Her liability cover"),
        ("check.exclusion", {"issued_on": str(stage.today)}, "Her exclusion check (OIG LEIE, SAM.gov)"),
    ):
        body = {**base, "kind": kind, **more}
        stage.expect(
            marcus.call("POST", path, body),
            201,
            f"{words} is recorded",
            lambda it: f"{it['title']}, {it['status']}, until {it['expires_on'] or 'further notice'}",
        )


def first_shift(stage: Stage, nurse: dict[str, Any]) -> dict[str, Any]:
    """Training is assigned from the rules; a shift names what is missing; the rest is done. Returns the shift."""
    dana, marcus = stage.person("dana.reyes"), stage.person("marcus.bell")
    assigned = marcus.all(f"{stage.entity('CA', 'hr')}/training", person_id=nurse["person_id"])
    stage.require(len(assigned) > 3, f"training is assigned: {assigned}")
    shown = ", ".join(item["requirement"] for item in assigned[:6])
    stage.tell("Training is assigned for her role, exposure and state", f"{len(assigned)} courses: {shown}, ...")
    complete(stage, assigned[0])
    terms(stage)
    day = stage.today + timedelta(days=3)
    body = {"employment_id": nurse["id"], "starts": f"{day}T09:00", "ends": f"{day}T17:00"}
    made = dana.post(f"{stage.site('OAK', 'hr')}/shifts", body).body
    refused = publish(stage, made)
    stage.require(400 <= refused.status < 500, f"a shift publishes too early: {refused.body}")
    stage.refused(refused, refused.status, "Dana publishes Rosa's first shift: too early")
    for item in assigned[1:]:
        complete(stage, item, quietly=True)
    stage.tell("Rosa does the rest; hands-on training is signed off by the medical director")
    return dict(made)


def publish(stage: Stage, shift: dict[str, Any]) -> Any:
    """Dana publishes a shift; returns the answer."""
    return stage.person("dana.reyes").call("POST", f"{stage.site('OAK', 'hr')}/shifts/{shift['id']}/publication", {})


def complete(stage: Stage, item: dict[str, Any], *, quietly: bool = False) -> None:
    """A training is done; what is hands-on is signed off by the medical director."""
    body = {"completed_on": str(stage.today), "provider": "Lumina Academy", "hours": item["hours"]}
    hands_on = item["hands_on"]
    who = stage.person("dr.osei") if hands_on else stage.person("marcus.bell")
    step = "sign-off" if hands_on else "completions"
    done = who.post(f"{stage.entity('CA', 'hr')}/training/{item['id']}/{step}", body)
    if not quietly:
        stage.tell(f"She completes {item['requirement']}", f"certificate {done['certificate']}")


def terms(stage: Stage) -> None:
    """The owner's schedule terms for clinicians, once."""
    owner, path = stage.person("dr.nakamura"), f"{stage.entity('CA', 'hr')}/schedule-terms"
    if owner.all(path):
        return
    body = {
        "effective_from": str(stage.today.replace(day=1)),
        "max_shift_hours": "10",
        "max_week_hours": "40",
        "min_rest_hours": "10",
        "reason": "Our house terms.",
    }
    stage.expect(owner.call("POST", path, body), 201, "Dr. Nakamura sets the terms of clinicians' schedules")
