"""Patient accounts: closed without a grant, masked in lists, every look on record, nothing in the clear at rest."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from services.billing import commands
from services.billing.accounts.models import Details
from services.billing.accounts.rotation import seal_anew, versions_in_use
from services.billing.accounts.service import Place, open_account
from services.billing.sealing import FieldKeys, add_version
from shared.ids import new_id
from shared.tenancy import Scope
from tests.billing.clinic import NAME, SECRETS, Clinic, charge, key
from tests.support.databases import Cluster

BODY = {
    "source_system": "ehr",
    "external_id": "MRN-00417",
    "name": NAME,
    "email": "mq@example.test",
    "phone": "+1 310 555 0100",
    "address": "12 Jasmine Row",
    "payer_name": "Blue Shield",
    "payer_member_id": "XEA-9911",
}


def opened(clinic: Clinic) -> dict[str, Any]:
    answer = clinic.as_("biller").post("/accounts", json=BODY, headers=key())
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def test_a_list_masks_names_for_the_business_side_and_shows_them_to_clinicians(clinic: Clinic) -> None:
    account = opened(clinic)
    for role, shown in (("biller", "M*** Q***"), ("provider", NAME)):
        (listed,) = clinic.as_(role).get("/accounts?purpose=payment").json["items"]
        assert (listed["id"], listed["name"]) == (account["id"], shown)
        assert set(listed) == {"id", "number", "location_id", "name"}


def test_one_account_is_shown_in_full_for_a_purpose(clinic: Clinic) -> None:
    account = opened(clinic)
    shown = clinic.as_("biller").get(f"/accounts/{account['id']}?purpose=payment")
    assert shown.status_code == 200
    assert {name: shown.json[name] for name in BODY} == BODY
    assert shown.headers["ETag"] == '"1"'


@pytest.mark.parametrize("query", ["", "?purpose=curiosity", "?purpose="])
def test_nobody_looks_without_a_purpose(clinic: Clinic, query: str) -> None:
    account = opened(clinic)
    for path in ("/accounts", f"/accounts/{account['id']}"):
        refused = clinic.as_("biller").get(path + query)
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/query/purpose")
    assert clinic.told("billing.patient_account.read") == []


@pytest.mark.parametrize("role", ["location_manager", "controller", "franchise_admin", "auditor", "compliance_officer"])
def test_roles_that_need_no_names_are_refused_by_the_service_too(clinic: Clinic, role: str) -> None:
    account = opened(clinic)
    for path in ("/accounts?purpose=payment", f"/accounts/{account['id']}?purpose=payment", "/charges?purpose=payment"):
        refused = clinic.as_(role).get(path)
        assert (refused.status_code, refused.json["type"]) == (403, "/docs/problems#patient-data-closed")
    assert clinic.told("billing.patient_account.read") == []


def test_a_look_whose_decision_is_not_on_record_is_refused(clinic: Clinic) -> None:
    account = opened(clinic)
    refused = clinic.as_("biller", on_record=False).get(f"/accounts/{account['id']}?purpose=payment")
    assert (refused.status_code, refused.json["type"]) == (403, "/docs/problems#decision-not-on-record")


def test_every_look_is_told_by_pseudonym_on_the_clinical_plane(clinic: Clinic) -> None:
    account, biller = opened(clinic), clinic.as_("biller", decision_id=new_id())
    biller.get("/accounts?purpose=payment")
    biller.get(f"/accounts/{account['id']}?purpose=patient_request")
    listed, read = clinic.told("billing.patient_account.read")
    assert (listed["data"]["masked"], read["data"]["masked"]) == (True, False)
    assert (listed["data"]["purpose"], read["data"]["purpose"]) == ("payment", "patient_request")
    for told in (listed, read):
        assert told["plane"] == "clinical"
        assert told["data"]["account_ids"] == [account["id"]]
        assert told["actor"] == str(biller.principal_id)
        assert told["decisionid"] == str(biller.decision_id)
        assert not any(secret in json.dumps(told) for secret in SECRETS)


def test_a_look_that_fails_shows_nothing_and_is_not_told(clinic: Clinic) -> None:
    opened(clinic)
    missing = clinic.as_("biller").get("/accounts/01890000-0000-7000-8000-000000000000?purpose=payment")
    assert missing.status_code == 404
    assert clinic.told("billing.patient_account.read") == []


def test_the_same_patient_opened_twice_is_one_account(clinic: Clinic) -> None:
    first, second = opened(clinic), opened(clinic)
    assert first == second
    assert len(clinic.told("billing.patient_account.opened")) == 1


def test_an_account_is_found_by_the_clinical_systems_id_which_is_never_in_the_address(clinic: Clinic) -> None:
    account = opened(clinic)
    ask = {"source_system": "ehr", "external_id": "MRN-00417", "purpose": "payment"}
    found = clinic.as_("biller").post("/accounts/lookup", json=ask)
    assert (found.status_code, found.json) == (200, account)
    assert clinic.as_("biller").post("/accounts/lookup", json={**ask, "external_id": "MRN-1"}).status_code == 404
    assert clinic.as_("biller").post("/accounts/lookup", json={**ask, "source_system": "pos"}).status_code == 404


def test_a_change_needs_the_version_that_was_read(clinic: Clinic) -> None:
    account, biller = opened(clinic), clinic.as_("biller")
    path = f"/accounts/{account['id']}"
    assert biller.patch(path, json={"email": "new@example.test"}).status_code == 428
    changed = biller.patch(path, json={"email": "new@example.test", "phone": None}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert biller.patch(path, json={"email": "x"}, headers={"If-Match": '"1"'}).status_code == 412
    shown = biller.get(f"{path}?purpose=payment").json
    assert (shown["email"], shown["phone"], shown["name"]) == ("new@example.test", None, NAME)
    (told,) = clinic.told("billing.patient_account.changed")
    assert told["data"]["fields"] == ["email", "phone"]


@pytest.mark.parametrize("scope", ["site", "organization"])
def test_another_sites_account_does_not_exist(clinic: Clinic, scope: str) -> None:
    account = opened(clinic)
    ny, stranger = clinic.franchise.ny, clinic.franchise.mso_id
    elsewhere = {
        "site": clinic.at(clinic.other_site),
        "organization": Scope(stranger, "location", (clinic.site,), (clinic.entity,)),
    }[scope]
    for caller in (clinic.as_("biller", elsewhere), clinic.as_("provider", clinic.franchise.scope(ny))):
        assert caller.get(f"/accounts/{account['id']}?purpose=payment").status_code == 404
        assert caller.get("/accounts?purpose=payment").json["items"] == []
    there = clinic.as_("biller", elsewhere)
    assert there.patch(f"/accounts/{account['id']}", json={"name": "X"}, headers={"If-Match": "*"}).status_code == 404


def test_a_list_goes_on_page_by_page(clinic: Clinic) -> None:
    rows = [charge(f"c-{i}", patient_id=f"MRN-{i}", patient_name=f"Pat {i}") for i in range(5)]
    assert clinic.send(*rows).json["accepted"] == 5
    seen, cursor = [], ""
    while True:
        found = clinic.as_("provider").get(f"/accounts?purpose=payment&limit=2{cursor}").json
        seen += [each["name"] for each in found["items"]]
        if not found["next"]:
            break
        cursor = f"&cursor={found['next']}"
    assert seen == [f"Pat {i}" for i in reversed(range(5))]


@pytest.fixture
def printed(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_nothing_of_a_patient_is_in_the_clear_anywhere(
    clinic: Clinic,
    cluster: Cluster,
    printed: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    biller = clinic.as_("biller")
    biller.post("/accounts", json=BODY, headers=key())
    biller.post("/accounts", json={**BODY, "phone": {"bad": NAME}}, headers=key())
    clinic.send(charge("c-1"), charge("c-2", quantity=NAME, code=NAME, **{NAME: NAME}))
    account = biller.get("/unbilled").json["items"][0]["account_id"]
    biller.patch(f"/accounts/{account}", json={"address": "12 Jasmine Row"}, headers={"If-Match": '"1"', **key()})
    invoice = clinic.issue(account).json
    clinic.pay(invoice, "10.00")
    everything = dump(cluster, clinic.app)
    assert "PA-2026-000001" in everything
    assert "TOX-GLAB" in everything
    out, err = capfd.readouterr()
    shown = everything + out + err + printed.text + json.dumps(clinic.send(charge("c-3", quantity=NAME)).json)
    assert [secret for secret in SECRETS if secret in shown] == []


def dump(cluster: Cluster, app: Flask) -> str:
    """Every row of every table, as text; bytes as hexadecimal and as the text they might be."""
    name = app.extensions["partywall"].settings.database_url.rsplit("/", 1)[1]
    found = []
    with psycopg.connect(cluster.url(name, "admin")) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'select * from "{table}"'.encode()).fetchall():
                found += [repr(row), *(cell.decode("latin-1") for cell in row if isinstance(cell, bytes))]
    return "\n".join(found)


def test_rotation_seals_everything_anew_beside_work_and_old_keys_can_go(
    clinic: Clinic, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    settings = clinic.app.extensions["partywall"].settings
    own_keys(clinic, tmp_path)
    clinic.send(*(charge(f"c-{i}", patient_id=f"MRN-{i}", patient_name=f"Pat {i}") for i in range(3)))
    assert commands.main(settings, ["drop-field-keys"]) == 0
    assert "dropped: none" in capsys.readouterr().out
    assert commands.main(settings, ["rotate-field-key"]) == 0
    assert "key 2 seals from now on; 3 accounts sealed anew" in capsys.readouterr().out
    assert commands.main(settings, ["seal-anew"]) == 0
    assert "0 accounts" in capsys.readouterr().out
    assert commands.main(settings, ["drop-field-keys"]) == 0
    assert "dropped: 1; in use: 2" in capsys.readouterr().out
    # The files, the look-up and the natural key all go on working.
    again = clinic.send(*(charge(f"c-{i}", patient_id=f"MRN-{i}", patient_name=f"Pat {i}") for i in range(4)))
    assert (again.json["accepted"], again.json["repeated"], again.json["rejected"]) == (1, 3, 0)
    names = {each["name"] for each in clinic.as_("provider").get("/accounts?purpose=treatment").json["items"]}
    assert names == {"Pat 0", "Pat 1", "Pat 2", "Pat 3"}


def test_before_rotation_ends_a_patient_is_still_found_under_the_old_key(clinic: Clinic, tmp_path: Any) -> None:
    folder = own_keys(clinic, tmp_path)
    first = opened(clinic)
    add_version(folder)
    assert opened(clinic) == first
    assert clinic.send(charge()).json["accepted"] == 1
    assert [row["account_id"] for row in clinic.as_("biller").get("/unbilled").json["items"]] == [first["id"]]


def test_rotation_waits_for_an_account_that_is_being_sealed_with_the_old_key(clinic: Clinic, tmp_path: Any) -> None:
    folder = own_keys(clinic, tmp_path)
    stale, database = FieldKeys(folder), clinic.franchise.database
    place = Place(clinic.franchise.organization_id, clinic.site, clinic.entity)
    opened(clinic)
    with ThreadPoolExecutor(1) as pool:
        with clinic.franchise.transaction() as session:
            open_account(session, stale, place, "ehr", Details(external_id="MRN-1", name=NAME))
            add_version(folder)
            rotation = pool.submit(seal_anew, database, FieldKeys(folder))
            with pytest.raises(TimeoutError):
                rotation.result(timeout=1)
        assert rotation.result(timeout=20) == 1
    with database.platform_transaction() as session:
        assert versions_in_use(session) == {1, 2}
    assert seal_anew(database, FieldKeys(folder)) == 1
    with database.platform_transaction() as session:
        assert versions_in_use(session) == {2}


def own_keys(clinic: Clinic, tmp_path: Path) -> Path:
    """A keyring of this test alone."""
    settings = clinic.app.extensions["partywall"].settings
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "fields.json").write_text((settings.keys_folder / "fields.json").read_text())
    object.__setattr__(settings, "keys_folder", folder)
    clinic.app.extensions["billing_field_keys"] = FieldKeys(folder)
    return folder
