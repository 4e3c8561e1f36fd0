"""Sealed fields: unreadable without the key, bound to their place, rotated without loss."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.accounts.models import Details, PatientAccount, mask
from services.billing.sealing import CannotUnseal, FieldKeys, add_version, drop_versions
from shared.ids import new_id
from tests.billing.clinic import NAME

PLACE = "patient_account.name"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fields.json").write_text(json.dumps({"1": "ab" * 32}))
    return tmp_path


@settings(deadline=None)
@given(plain=st.text(max_size=300))
def test_what_was_sealed_opens_to_the_same(tmp_path_factory: pytest.TempPathFactory, plain: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fields.json"
    path.write_text(json.dumps({"1": "ab" * 32}))
    keys, organization, row = FieldKeys(path.parent), new_id(), new_id()
    sealed = keys.seal(organization, PLACE, row, plain)
    assert keys.unseal(organization, PLACE, row, sealed) == plain
    assert len(sealed) == 2 + 12 + len(plain.encode()) + 16


def test_the_same_name_is_never_sealed_the_same_way_twice(folder: Path) -> None:
    keys, organization, row = FieldKeys(folder), new_id(), new_id()
    assert keys.seal(organization, PLACE, row, NAME) != keys.seal(organization, PLACE, row, NAME)


@pytest.mark.parametrize("moved", ["organization", "place", "row", "byte"])
def test_a_ciphertext_opens_nowhere_but_in_its_place(folder: Path, moved: str) -> None:
    keys, organization, row = FieldKeys(folder), new_id(), new_id()
    sealed = keys.seal(organization, PLACE, row, NAME)
    if moved == "byte":
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    with pytest.raises(CannotUnseal) as refused:
        keys.unseal(
            new_id() if moved == "organization" else organization,
            "patient_account.details" if moved == "place" else PLACE,
            new_id() if moved == "row" else row,
            sealed,
        )
    assert NAME not in str(refused.value)


def test_a_new_key_seals_and_the_old_one_still_opens(folder: Path) -> None:
    keys, organization, row = FieldKeys(folder), new_id(), new_id()
    old = keys.seal(organization, PLACE, row, NAME)
    assert add_version(folder) == 2
    keys.refresh()
    fresh = keys.seal(organization, PLACE, row, NAME)
    assert (old[:2], fresh[:2]) == (b"\x00\x01", b"\x00\x02")
    assert {keys.unseal(organization, PLACE, row, each) for each in (old, fresh)} == {NAME}


def test_another_process_learns_a_new_key_when_it_meets_it(folder: Path) -> None:
    reader, organization, row = FieldKeys(folder), new_id(), new_id()
    add_version(folder)
    sealed = FieldKeys(folder).seal(organization, PLACE, row, NAME)
    assert reader.unseal(organization, PLACE, row, sealed) == NAME


def test_what_a_dropped_key_sealed_is_gone(folder: Path) -> None:
    organization, row = new_id(), new_id()
    sealed = FieldKeys(folder).seal(organization, PLACE, row, NAME)
    add_version(folder)
    drop_versions(folder, [1])
    with pytest.raises(CannotUnseal, match="key version 1"):
        FieldKeys(folder).unseal(organization, PLACE, row, sealed)


def test_a_blind_index_is_the_same_for_the_same_and_only_within_an_organization(folder: Path) -> None:
    keys, one, other = FieldKeys(folder), new_id(), new_id()
    assert keys.index(one, "ehr", "MRN-1") == keys.index(one, "ehr", "MRN-1")
    seen = {keys.index(*where) for where in ((one, "ehr", "MRN-1"), (one, "ehr", "MRN-2"), (one, "pos", "MRN-1"))}
    assert len(seen | {keys.index(other, "ehr", "MRN-1")}) == 4


def test_the_index_key_is_not_the_sealing_key(folder: Path) -> None:
    keys, organization = FieldKeys(folder), new_id()
    assert keys._derive(1, organization, "seal") != keys._derive(1, organization, "index")


@pytest.mark.parametrize("content", ["{}", '{"1": "ab"}', '{"1": "not hex"}'])
def test_a_keyring_that_cannot_work_stops_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "fields.json").write_text(content)
    with pytest.raises(ValueError):
        FieldKeys(tmp_path)


def test_a_masked_name_shows_initials_and_not_even_how_long_it_is() -> None:
    assert mask("Jane Doe") == "J*** D***"
    assert mask("Maximiliana van der Berg-Oyelaran") == "M*** v*** d*** B***"
    assert mask("") == ""


def test_nothing_that_holds_a_patient_prints_one(folder: Path) -> None:
    details = Details(external_id="MRN-1", name=NAME)
    account = PatientAccount(id=new_id(), organization_id=new_id(), source_system="ehr", number="PA-2026-000001")
    account.seal(FieldKeys(folder), details)
    for shown in (repr(details), repr(account), str(account.__dict__), repr(FieldKeys(folder))):
        assert NAME not in shown
        assert "MRN-1" not in shown
        assert "ab" * 8 not in shown
