"""Files of charges: taken in once, whatever is sent again, row by row, in three formats."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from services.billing.charge_imports.formats import UnreadableFile, read
from shared.clock import today
from tests.billing.clinic import NAME, Clinic, charge

DAY = today("America/Los_Angeles").isoformat()
HEAD = "source_id,service_on,patient_id,patient_name,code_system,code,modifiers,item_class,quantity,unit_price"
CSV = f"""{HEAD}
c-1,{DAY},MRN-1,Ada Quick,CPT,11900,25 59,professional_service,1,250.00
c-2,{DAY},MRN-1,,HCPCS,J0585,,drug,100,6.5025
c-3,{DAY},MRN-2,"Byrd, Bo",LOCAL,SERUM,,retail,2,38.00
"""


def counts(answer: Any) -> tuple[int, int, int, str]:
    found = answer.json
    return found["accepted"], found["repeated"], found["rejected"], found["amount"]


def post(clinic: Clinic, content: str | bytes, media_type: str, **query: str) -> Any:
    parameters = {"source_system": "ehr", **query}
    return clinic.system().post("/charge-imports", data=content, content_type=media_type, query_string=parameters)


def bundle(*items: dict[str, Any]) -> str:
    entries = [{"resource": item} for item in items]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


def item(**changes: Any) -> dict[str, Any]:
    found = {
        "resourceType": "ChargeItem",
        "id": "fhir-1",
        "status": "billable",
        "subject": {"reference": "Patient/p-9"},
        "code": {
            "coding": [
                {"system": "http://www.ama-assn.org/go/cpt", "code": "17110"},
                {"system": "urn:partywall:item-class", "code": "professional_service"},
            ]
        },
        "occurrenceDateTime": f"{DAY}T23:30:00-08:00",
        "quantity": {"value": 2},
        "priceOverride": {"value": 120.10, "currency": "USD"},
        "reason": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "B07.9", "display": "words"}]}],
    }
    return {**found, **changes}


PATIENT = {"resourceType": "Patient", "id": "p-9", "name": [{"given": ["Ada", "M"], "family": "Quick"}]}


def test_a_file_sent_twice_is_taken_in_once(clinic: Clinic) -> None:
    first, second = clinic.send(charge("a"), charge("b")), clinic.send(charge("a"), charge("b"))
    assert (first.status_code, second.status_code) == (201, 200)
    assert counts(first) == (2, 0, 0, "200.00")
    assert first.json == second.json
    (told,) = clinic.told("billing.charges.imported")
    assert (told["plane"], told["data"]["accepted"], told["data"]["amount"]) == ("clinical", 2, "200.00")


def test_charges_sent_again_in_another_file_are_counted_as_repeated(clinic: Clinic) -> None:
    clinic.send(charge("a"))
    assert counts(clinic.send(charge("a"), charge("b"), charge("a"))) == (1, 2, 0, "100.00")
    assert clinic.as_("biller").get("/unbilled").json["items"][0]["charges"] == 2


def test_the_same_file_at_the_same_moment_is_taken_in_once(clinic: Clinic) -> None:
    rows = [charge(f"c-{i}", patient_id=f"MRN-{i % 3}") for i in range(12)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: clinic.send(*rows), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1
    waiting = clinic.as_("biller").get("/unbilled").json["items"]
    assert sorted(each["charges"] for each in waiting) == [4, 4, 4]


def test_a_charge_that_was_changed_at_its_source_is_refused_not_overwritten(clinic: Clinic) -> None:
    clinic.send(charge("a", "100.00"))
    for changed in (charge("a", "90.00"), charge("a", code="FILL-LIP"), charge("a", patient_id="MRN-2")):
        again = clinic.send(changed)
        assert counts(again) == (0, 0, 1, "0.00")
        assert again.json["errors"][0]["field"] == "source_id"
    assert clinic.as_("biller").get("/unbilled").json["items"][0]["amount"] == "100.00"


def test_rows_with_faults_are_named_and_the_others_taken_in(clinic: Clinic) -> None:
    taken = clinic.send(
        charge("good"),
        charge("b", quantity="0"),
        charge("c", service_on="2999-01-01"),
        charge("d", patient_id="MRN-2", patient_name=None),
        charge("e", unit_price=12.5),
        charge("f", code="a word on the diagnosis"),
        charge("g", quantity="999999", unit_price="9999.00"),
        {**charge("h"), "diagnosis": NAME},
        charge("good", "1.00"),
    )
    assert counts(taken) == (1, 0, 8, "100.00")
    faults = [(fault["row"], fault["field"]) for fault in taken.json["errors"]]
    assert faults == [
        (2, "quantity"),
        (3, "service_on"),
        (4, "patient_name"),
        (5, "unit_price"),
        (6, "code"),
        (7, "quantity"),
        (8, ""),
        (9, "source_id"),
    ]
    assert NAME not in json.dumps(taken.json)
    read_again = clinic.system().get(f"/charge-imports/{taken.json['id']}")
    assert read_again.json == taken.json


def test_a_file_with_faults_may_be_sent_again_once_they_are_mended_elsewhere(clinic: Clinic) -> None:
    rows = [charge("a"), charge("b", patient_id="MRN-2", patient_name=None)]
    assert counts(clinic.send(*rows)) == (1, 0, 1, "100.00")
    body = {"source_system": "ehr", "external_id": "MRN-2", "name": "Bo Byrd"}
    assert clinic.system().post("/accounts", json=body).status_code == 201
    assert counts(clinic.send(*rows)) == (1, 1, 0, "100.00")


def test_a_name_in_a_refused_row_still_opens_the_account_for_another_row(clinic: Clinic) -> None:
    taken = clinic.send(charge("late", service_on="2999-01-01"), charge("ok", patient_name=None), charge("late"))
    assert counts(taken) == (2, 0, 1, "200.00")
    assert len(clinic.as_("biller").get("/unbilled").json["items"]) == 1


def test_a_dry_run_says_what_would_happen_and_changes_nothing(clinic: Clinic) -> None:
    tried = clinic.send(charge("a"), charge("b", quantity="x"), dry_run="true")
    assert tried.status_code == 200
    assert counts(tried) == (1, 0, 1, "100.00")
    assert tried.json["id"] is None
    assert clinic.as_("biller").get("/unbilled").json["items"] == []
    assert clinic.told("billing.patient_account.opened") == []
    assert counts(clinic.send(charge("a"))) == (1, 0, 0, "100.00")


def test_an_id_that_another_site_of_the_entity_used_is_a_fault_of_the_row(clinic: Clinic) -> None:
    clinic.send(charge("a"))
    there = clinic.send(charge("a"), charge("b"), scope=clinic.at(clinic.other_site))
    assert counts(there) == (1, 0, 1, "100.00")
    assert there.json["errors"] == [
        {"row": 1, "field": "source_id", "detail": "Another site of this entity has sent this id."}
    ]


def test_csv_with_a_byte_order_mark_gives_the_same_as_json(clinic: Clinic) -> None:
    taken = post(clinic, b"\xef\xbb\xbf" + CSV.encode(), "text/csv")
    assert taken.status_code == 201, taken.json
    assert counts(taken) == (3, 0, 0, "976.25")
    charges = {c["source_id"]: c for c in clinic.as_("provider").get("/charges?purpose=payment").json["items"]}
    assert charges["c-1"]["modifiers"] == ["25", "59"]
    assert (charges["c-2"]["unit_price"], charges["c-2"]["amount"]) == ("6.5025", "650.25")
    assert charges["c-1"]["account_id"] == charges["c-2"]["account_id"] != charges["c-3"]["account_id"]


def test_a_fhir_bundle_gives_charges_with_exact_prices_and_codes_without_words(clinic: Clinic) -> None:
    taken = post(clinic, bundle(PATIENT, item()), "application/fhir+json")
    assert counts(taken) == (1, 0, 0, "240.20")
    (found,) = clinic.as_("provider").get("/charges?purpose=treatment").json["items"]
    assert (found["code_system"], found["code"], found["unit_price"]) == ("CPT", "17110", "120.1000")
    assert (found["service_on"], found["diagnosis_codes"]) == (DAY, ["B07.9"])
    shown = clinic.as_("provider").get(f"/accounts/{found['account_id']}?purpose=treatment").json
    assert (shown["name"], shown["external_id"]) == ("Ada M Quick", "p-9")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "planned"}, "status"),
        ({"code": {"text": "a word"}}, "code_system"),
        ({"quantity": {"value": "2"}}, "quantity"),
        ({"priceOverride": None}, "unit_price"),
        ({"subject": "p-9"}, "patient_id"),
        ({"occurrenceDateTime": 7}, "service_on"),
    ],
)
def test_a_charge_item_that_lacks_what_billing_needs_is_refused(
    clinic: Clinic, changes: dict[str, Any], field: str
) -> None:
    taken = post(clinic, bundle(PATIENT, item(**changes)), "application/fhir+json")
    assert counts(taken)[:3] == (0, 0, 1)
    assert field in {fault["field"] for fault in taken.json["errors"]}


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ("{", "application/json"),
        ("[]", "application/json"),
        ('{"charges": []}', "application/json"),
        ('{"charges": ["x"]}', "application/json"),
        ('{"charges": [{}], "more": 1}', "application/json"),
        ("source_id,birthday\na,b\n", "text/csv"),
        (HEAD, "text/csv"),
        (HEAD + '\n"broken', "text/csv"),
        ('{"resourceType": "Patient"}', "application/fhir+json"),
        ('{"resourceType": "Bundle", "entry": [1, {"resource": 2}]}', "application/fhir+json"),
        ("[" * 100_000, "application/json"),
        (b"\xff\xfe", "text/csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(clinic: Clinic, content: str | bytes, media_type: str) -> None:
    refused = post(clinic, content, media_type)
    assert (refused.status_code, refused.json["type"]) == (422, "/docs/problems#unreadable-file")


def test_another_kind_of_file_is_not_understood(clinic: Clinic) -> None:
    assert post(clinic, "<xml/>", "application/xml").status_code == 415


def test_a_file_of_too_many_rows_is_sent_in_parts() -> None:
    rows = json.dumps({"charges": [{}] * 5001}).encode()
    with pytest.raises(UnreadableFile):
        read("application/json", rows)


def test_two_thousand_charges_are_taken_in_at_once(clinic: Clinic) -> None:
    rows = [charge(f"c-{i}", "1.25", patient_id=f"MRN-{i % 40}") for i in range(2000)]
    assert counts(clinic.send(*rows)) == (2000, 0, 0, "2500.00")
    listed = clinic.as_("biller").get("/unbilled?limit=200").json["items"]
    assert (len(listed), sum(Decimal(each["amount"]) for each in listed)) == (40, Decimal("2500.00"))


@pytest.mark.parametrize(
    ("role", "plane", "refusal"),
    [
        ("biller", "business", (401, "/docs/problems#wrong-operation")),
        ("biller", "clinical", (403, "/docs/problems#not-a-clinical-system")),
        ("provider", "clinical", (403, "/docs/problems#not-a-clinical-system")),
    ],
)
def test_only_the_clinical_system_sends_charges(
    clinic: Clinic, role: str, plane: str, refusal: tuple[int, str]
) -> None:
    caller = clinic.as_(role).but(plane=plane)
    refused = caller.post("/charge-imports", query_string={"source_system": "ehr"}, json={"charges": [charge()]})
    assert (refused.status_code, refused.json["type"]) == refusal
    assert clinic.as_("biller").get("/unbilled").json["items"] == []


def test_imports_of_another_site_do_not_exist(clinic: Clinic) -> None:
    made = clinic.send(charge()).json["id"]
    elsewhere = clinic.system(clinic.at(clinic.other_site))
    assert elsewhere.get(f"/charge-imports/{made}").status_code == 404
    assert elsewhere.get("/charge-imports").json["items"] == []
    assert [each["id"] for each in clinic.system().get("/charge-imports").json["items"]] == [made]
