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
    words = "He tries to employ Rosa Lindqvist, a nurse injector, at the MSO"
    stage.refused(
        barred, 403, "clinician-employed-by-business", words,
        policy="term.no_clinical_employment_by_mso", why="only the clinical entity employs clinicians",
        source="state:CA", who_can="the clinical entity that practises at the site",
    )  # fmt: skip
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
    words, who_can = "Marcus cannot decide on a clinician", stage.owner_of("CA")
    stage.reserved(own, words, decision="hr.clinician.select", who_can=who_can)
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
    stage.refused(mistyped, 422, "bad-npi", f"Marcus mistypes her NPI as {wrong}")
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
    assigned = assigned_by_the_rules(stage, nurse)
    day = stage.today + timedelta(days=3)
    due = [item for item in assigned if item["due_on"] and item["due_on"] <= str(day)]
    stage.require(len(due) > 1, f"more than one training is due by the shift: {assigned}")
    complete(stage, due[0])
    terms(stage)
    body = {"employment_id": nurse["id"], "starts": f"{day}T09:00", "ends": f"{day}T17:00"}
    made = stage.person("dana.reyes").post(f"{stage.site('OAK', 'hr')}/shifts", body).body
    left = sorted(f"training:{item['requirement']}" for item in due[1:])
    refused = publish(stage, made)
    stage.refused(refused, 409, "not-ready", "Dana publishes Rosa's first shift: too early")
    missing = sorted(each["item"] for each in refused["missing"])
    stage.require(missing == left, f"it names each training that is left, {left}: {missing}")
    for item in assigned:
        if item is not due[0]:
            complete(stage, item, quietly=True)
    stage.tell("Rosa does the rest; hands-on training is signed off by the medical director")
    return dict(made)


def assigned_by_the_rules(stage: Stage, nurse: dict[str, Any]) -> list[dict[str, Any]]:
    """What is assigned to her is what the rules ask of her role, her exposures and her state; one of each is told."""
    path = f"{stage.entity('CA', 'hr')}/training"
    assigned = stage.person("marcus.bell").all(path, person_id=nurse["person_id"])
    all_of_it = asked(stage, "rn", "CA", nurse["exposures"])
    names = {item["requirement"] for item in assigned}
    stage.require(names == all_of_it, f"assigned is what the rules ask: {names} {all_of_it}")
    stage.tell("Training is assigned for her role, exposure and state", f"{len(assigned)} courses")
    for reason, without in (
        ("she is a nurse", asked(stage, "front_desk", "CA", nurse["exposures"])),
        ("she may meet blood and sees patient data", asked(stage, "rn", "CA", [])),
        ("she works in California", asked(stage, "rn", "TX", nurse["exposures"])),
    ):
        only = sorted(names - without)
        stage.require(bool(only), f"nothing is asked because {reason}: {names} {without}")
        stage.tell(f"    because {reason}", only[0])
    return assigned


def asked(stage: Stage, position: str, state: str, exposures: list[str]) -> set[str]:
    """What the rules ask of some work."""
    path, query = f"{stage.entity('CA', 'hr')}/training-requirements", {"position": position, "state": state}
    found = stage.person("marcus.bell").get(path, **query, exposures=exposures)
    return {item["requirement"] for item in found["items"]}


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
