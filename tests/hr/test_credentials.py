"""Licences, certificates and checks."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import ProgrammingError

from services.hr.credentials.models import Credential
from services.hr.people.models import BadNpi, check_npi
from shared.clock import frozen
from tests.hr.franchise import CONFIRMED, Franchise, answer, credential, nurse, register

LICENCE = {"kind": "lic.rn", "state": "CA", "number": "RN1", "issued_on": "2024-01-01", "expires_on": "2027-12-31"}


def test_a_licence_is_recorded_with_its_evidence(spa: Franchise) -> None:
    person = register(spa.partner("CA"))
    held = credential(spa.partner("CA"), person, **LICENCE)
    assert (held["status"], held["title"]) == ("current", "Registered nurse licence")
    assert held["verification"]["checked_with"] == "source look-up"
    assert [told["kind"] for told in spa.told("hr.credential.recorded")] == ["lic.rn"]
    assert [told["finding"] for told in spa.told("hr.credential.verified")] == ["confirmed"]


def test_what_nobody_looked_up_is_unverified(spa: Franchise) -> None:
    person = register(spa.partner("CA"))
    held = credential(spa.partner("CA"), person, **LICENCE, verification=None)
    assert held["status"] == "unverified"
    path = f"/credentials/{held['id']}/verifications"
    assert answer(spa.partner("CA").post(path, json=CONFIRMED), 201)["status"] == "current"
    adverse = {**CONFIRMED, "finding": "adverse", "reference": "Case 12"}
    assert answer(spa.partner("CA").post(path, json=adverse), 201)["status"] == "adverse"
    assert answer(spa.partner("CA").get(f"/credentials/{held['id']}"), 200)["verification"]["reference"] == "Case 12"


def test_a_licence_lapses_by_its_date_and_warns_before(spa: Franchise) -> None:
    person = register(spa.partner("CA"))
    held = credential(spa.partner("CA"), person, **LICENCE)
    for day, status in ((15, "expiring"), (31, "expiring")):
        with frozen(datetime(2027, 12, day, 12, tzinfo=UTC)):
            assert answer(spa.partner("CA").get(f"/credentials/{held['id']}"), 200)["status"] == status
    with frozen(datetime(2028, 1, 1, 12, tzinfo=UTC)):
        assert answer(spa.partner("CA").get(f"/credentials/{held['id']}"), 200)["status"] == "lapsed"


def test_a_renewal_is_a_new_record_and_the_old_one_stays(spa: Franchise) -> None:
    person = register(spa.partner("CA"))
    credential(spa.partner("CA"), person, **LICENCE)
    credential(spa.partner("CA"), person, **{**LICENCE, "issued_on": "2026-11-20", "expires_on": "2029-12-31"})
    listed = answer(spa.partner("CA").get(f"/credentials?person_id={person}&kind=lic.rn"), 200)["items"]
    assert [each["expires_on"] for each in listed] == ["2029-12-31", "2027-12-31"]
    soon = answer(spa.partner("CA").get("/credentials?expires_before=2028-01-01"), 200)["items"]
    assert [each["expires_on"] for each in soon] == ["2027-12-31"]
    again = spa.partner("CA").post(f"/people/{person}/credentials", json=LICENCE)
    assert again.status_code == 409


def test_no_record_is_ever_overwritten(spa: Franchise) -> None:
    person = register(spa.partner("CA"))
    credential(spa.partner("CA"), person, **LICENCE)
    with pytest.raises(ProgrammingError, match="permission denied"), spa.database.transaction(spa.whole) as session:
        session.query(Credential).update({"number": "other"})


@pytest.mark.parametrize("number", ["1234567893", "1245319599"])
def test_an_npi_passes_its_check_digit(number: str) -> None:
    assert check_npi(number) == number


@pytest.mark.parametrize("number", ["1234567890", "123456789", "12345678931", "12345678a3", "", "١٢٣٤٥٦٧٨٩٣"])
def test_a_mistyped_npi_is_refused(number: str) -> None:
    with pytest.raises(BadNpi):
        check_npi(number)


def test_an_npi_belongs_to_one_person(spa: Franchise) -> None:
    npi = {"kind": "id.npi1", "number": "1234567893", "issued_on": "2020-01-01"}
    ann, bea = register(spa.partner("CA"), "Ann"), register(spa.partner("CA"), "Bea")
    wrong = spa.partner("CA").post(f"/people/{ann}/credentials", json={**npi, "number": "1234567890"})
    assert answer(wrong, 422)["type"].endswith("bad-npi")
    credential(spa.partner("CA"), ann, **npi)
    assert answer(spa.partner("CA").get(f"/people/{ann}"), 200)["npi"] == "1234567893"
    assert spa.partner("CA").post(f"/people/{bea}/credentials", json=npi).status_code == 409
    assert answer(spa.partner("CA").get(f"/people/{bea}"), 200)["npi"] is None


def test_an_exclusion_check_lasts_a_month_whatever_is_claimed(spa: Franchise) -> None:
    person = register(spa.partner("CA"))
    held = credential(spa.partner("CA"), person, "check.exclusion", issued_on="2026-11-10", expires_on="2030-01-01")
    assert held["expires_on"] == "2026-12-10"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"state": None}, "state-needed"),
        ({"number": None}, "number-needed"),
        ({"expires_on": None}, "expiry-needed"),
        ({"expires_on": "2023-01-01"}, "bad-period"),
        ({"issued_on": "2026-11-23"}, "bad-period"),
        ({"kind": "site.clia"}, "not-held-by-people"),
        ({"kind": "vendor.baa"}, "not-held-by-people"),
        ({"kind": "health.hepb", "state": None}, "confidential-medical-record"),
        ({"kind": "check.exclusion"}, "state-not-known"),
    ],
)
def test_what_does_not_fit_its_kind_is_refused(spa: Franchise, change: dict[str, str], problem: str) -> None:
    person = register(spa.partner("CA"))
    response = spa.partner("CA").post(f"/people/{person}/credentials", json={**LICENCE, **change})
    assert answer(response, 422)["type"].endswith(problem)


def test_a_kind_that_the_rules_do_not_know_is_refused(spa: Franchise) -> None:
    person = register(spa.partner("CA"))
    response = spa.partner("CA").post(f"/people/{person}/credentials", json={**LICENCE, "kind": "lic.wizard"})
    assert answer(response, 409)["type"].endswith("rule-unknown")
    kinds = answer(spa.partner("CA").get("/credential-kinds"), 200)["items"]
    assert {"kind", "title", "per_state", "block_when_lapsed", "source"} <= set(kinds[0])


def test_another_entity_neither_reads_nor_verifies_it(spa: Franchise) -> None:
    job = nurse(spa)
    held = credential(spa.partner("CA"), job["person_id"], **LICENCE)
    assert spa.partner("NY").get(f"/credentials/{held['id']}").status_code == 404
    assert spa.partner("NY").post(f"/credentials/{held['id']}/verifications", json=CONFIRMED).status_code == 404
    assert spa.partner("NY").post(f"/people/{job['person_id']}/credentials", json=LICENCE).status_code == 404
