"""Organizations, legal entities, regions and locations."""

from collections.abc import Callable

import pytest

from services.gateway.legal_entities.rules import is_ein, is_npi
from tests.gateway.directory.brand import Brand, ok, refused

ENTITY = {
    "kind": "clinical_entity",
    "name": "Lakeside Aesthetics PC",
    "state": "CA",
    "form": "PC",
    "time_zone": "America/Los_Angeles",
}


@pytest.mark.parametrize("npi", ["1234567893", "1245319599"])
def test_an_npi_with_the_right_check_digit_is_one(npi: str) -> None:
    assert is_npi(npi)


@pytest.mark.parametrize(
    "npi", ["1234567890", "123456789", "12345678931", "3234567893", "12345678a3", "", "1\uff1234567893"]
)
def test_an_npi_with_a_wrong_check_digit_or_form_is_none(npi: str) -> None:
    assert not is_npi(npi)


def test_an_ein_needs_a_prefix_that_is_given_out() -> None:
    assert is_ein("91-1144442")
    assert not is_ein("07-1144442")
    assert not is_ein("911144")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "bank"},
        {"state": "ZZ"},
        {"state": "ca"},
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"npi": "1234567890"},
        {"ein": "07-1144442"},
        {"name": ""},
        {"name": "nul\u0000"},
        {"owner": "x"},
    ],
)
def test_a_malformed_legal_entity_is_refused(brand: Brand, change: dict[str, str]) -> None:
    assert brand.admin.post("/legal-entities", json={**ENTITY, **change}).status_code == 422


def test_an_mso_has_no_npi_and_no_name_or_number_stands_twice(brand: Brand) -> None:
    mso = {**ENTITY, "kind": "mso", "npi": "1234567893"}
    refused(brand.admin.post("/legal-entities", json=mso), 422, "npi-not-for-business")
    ok(brand.admin.post("/legal-entities", json={**ENTITY, "npi": "1234567893"}), 201)
    refused(brand.admin.post("/legal-entities", json=ENTITY), 409, "already-exists")
    twin = {**ENTITY, "name": "Other PC", "npi": "1234567893"}
    refused(brand.admin.post("/legal-entities", json=twin), 409, "already-exists")


def test_an_entity_changes_only_for_whoever_read_its_present_version(brand: Brand) -> None:
    entity = brand.entity()
    read = brand.admin.but(scope=brand.everywhere().scope).get(f"/legal-entities/{entity}")
    path, body = f"/legal-entities/{entity}", {"name": "Lakeside Medical PC"}
    assert brand.admin.patch(path, json=body).status_code == 428
    assert brand.admin.patch(path, json=body, headers={"If-Match": '"9"'}).status_code == 412
    changed = brand.admin.patch(path, json=body, headers={"If-Match": read.headers["ETag"]})
    assert ok(changed)["name"] == "Lakeside Medical PC"
    assert brand.admin.patch(path, json=body, headers={"If-Match": read.headers["ETag"]}).status_code == 412
    told = brand.told("gateway.legal_entity.recorded")
    assert [each["name"] for each in told] == ["Lakeside Aesthetics PC", "Lakeside Medical PC"]


def test_a_change_that_changes_nothing_is_told_to_nobody(brand: Brand) -> None:
    entity = brand.entity()
    same = brand.admin.patch(f"/legal-entities/{entity}", json={"form": "PC"}, headers={"If-Match": '"1"'})
    assert (ok(same)["form"], same.headers["ETag"]) == ("PC", '"1"')
    assert len(brand.told("gateway.legal_entity.recorded")) == 1


def test_a_location_belongs_to_a_clinical_entity_and_has_a_code_of_its_own(brand: Brand) -> None:
    mso, entity = brand.entity("mso", "Lumina Management LLC"), brand.entity()
    body = {"code": "CA-01", "name": "Oakland", "state": "CA", "time_zone": "America/Los_Angeles"}
    refused(brand.admin.post("/locations", json={**body, "legal_entity_id": mso}), 422, "not-this-kind-of-entity")
    brand.site(entity)
    refused(brand.admin.post("/locations", json={**body, "legal_entity_id": entity}), 409, "already-exists")
    changes: tuple[dict[str, object], ...] = (
        {"code": "ca 1"},
        {"code": "CA-01\n"},
        {"opening_hours": {"mon": [{"opens": "17:00", "closes": "09:00"}]}},
        {"opening_hours": {"monday": []}},
        {"opening_hours": {"mon": [{"opens": "09:00", "closes": "24:30"}]}},
        {"region_id": entity},
    )
    for change in changes:
        answer = brand.admin.post("/locations", json={**body, "legal_entity_id": entity, **change})
        assert answer.status_code in (404, 422), change


def test_a_location_is_moved_between_regions_and_closed_for_good(brand: Brand) -> None:
    west = ok(brand.admin.post("/regions", json={"name": "West"}), 201)["id"]
    refused(brand.admin.post("/regions", json={"name": "West"}), 409, "already-exists")
    site = brand.site(brand.entity(), opening_hours={"mon": [{"opens": "09:00", "closes": "17:00"}]})
    path = f"/locations/{site}"
    moved = brand.admin.patch(path, json={"region_id": west}, headers={"If-Match": '"1"'})
    assert ok(moved)["region_id"] == west
    closed = brand.admin.patch(path, json={"status": "closed"}, headers={"If-Match": '"2"'})
    assert ok(closed)["status"] == "closed"
    again = brand.admin.patch(path, json={"status": "open"}, headers={"If-Match": '"3"'})
    refused(again, 409, "location-closed")
    assert [each["status"] for each in brand.told("gateway.location.recorded")] == ["open", "open", "closed"]
    assert ok(brand.admin.put(f"/regions/{west}", json={"name": "Far West"}))["name"] == "Far West"


def test_somebody_of_one_site_finds_no_other_site_and_no_other_entity(brand: Brand) -> None:
    entity, other = brand.entity(), brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    site, elsewhere = brand.site(entity), brand.site(other, "NY-01")
    manager = brand.at_sites("location_manager", sites=(site,), entities=(entity,))
    assert [each["id"] for each in ok(manager.get("/locations"))["items"]] == [site]
    assert [each["id"] for each in ok(manager.get("/legal-entities"))["items"]] == [entity]
    assert manager.get(f"/locations/{elsewhere}").status_code == 404
    assert manager.get(f"/legal-entities/{other}").status_code == 404
    assert ok(manager.get("/organization"))["slug"] == "lumina"


def test_locations_come_in_pages_by_code(brand: Brand) -> None:
    entity = brand.entity()
    codes = [f"CA-{number:02d}" for number in (3, 1, 2)]
    for code in codes:
        brand.site(entity, code)
    desk = brand.everywhere("auditor")
    first = ok(desk.get("/locations?limit=2"))
    second = ok(desk.get(f"/locations?limit=2&cursor={first['next']}"))
    assert [each["code"] for each in first["items"] + second["items"]] == sorted(codes)
    assert second["next"] is None
    for query in ("limit=0", "limit=201", "cursor=abc", "sort=name"):
        assert desk.get(f"/locations?{query}").status_code == 422


def test_two_organizations_share_the_platform_and_nothing_else(make_brand: Callable[[str], Brand]) -> None:
    ours, theirs = make_brand("lumina"), make_brand("glow")
    entity = ours.entity()
    site = ours.site(entity)
    theirs.entity()
    desk = theirs.everywhere("auditor")
    assert desk.get(f"/locations/{site}").status_code == 404
    assert ok(desk.get("/locations"))["items"] == []
    body = {"code": "CA-01", "name": "Oakland", "state": "CA", "time_zone": "UTC", "legal_entity_id": entity}
    assert theirs.admin.post("/locations", json=body).status_code == 404
    change = theirs.admin.patch(f"/locations/{site}", json={"name": "Ours now"}, headers={"If-Match": "*"})
    assert change.status_code == 404


def test_a_registration_repeated_with_its_key_is_done_once(brand: Brand) -> None:
    headers = {"Idempotency-Key": "one"}
    first = brand.admin.post("/legal-entities", json=ENTITY, headers=headers)
    again = brand.admin.post("/legal-entities", json=ENTITY, headers=headers)
    assert (ok(first, 201)["id"], again.headers["Idempotent-Replayed"]) == (ok(again, 201)["id"], "true")
    other = brand.admin.post("/legal-entities", json={**ENTITY, "name": "Other PC"}, headers=headers)
    refused(other, 422, "idempotency-key-reused")
