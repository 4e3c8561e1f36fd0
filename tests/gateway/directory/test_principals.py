"""What the door learns: who speaks, and the directory at most two seconds old."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from services.gateway.organizations.models import CHANNEL
from services.gateway.principals import service as principals
from services.gateway.principals.service import Directory
from services.gateway.principals.snapshot import Organization
from shared.clock import frozen, now, today
from shared.errors import NotFound, Unauthenticated
from shared.ids import new_id
from shared.wakeup import Wakeup
from tests.gateway.directory.brand import PASSWORD, Brand, ok
from tests.support.patience import until


def _directory(brand: Brand) -> Directory:
    return Directory(brand.database, brand.keyring)


def _roles(organization: Organization, user: str) -> set[str]:
    return {grant.role for grant in organization.grants.get(UUID(user), ())}


def test_the_snapshot_says_who_may_what_where_and_on_which_paper(brand: Brand) -> None:
    brand.load_rules()
    mso, entity = brand.entity("mso", "Lumina Management LLC"), brand.entity()
    west = ok(brand.admin.post("/regions", json={"name": "West"}), 201)["id"]
    site, user = brand.site(entity, region_id=west), brand.person()
    brand.grant(user, "location_manager", "location", site, approval_limit="500.00")
    owner = brand.owner(entity, sites=(site,))
    director = {"user_id": brand.person("Dora"), "role": "medical_director", "licence": "CA A123456"}
    ok(owner.post("/officers", json=director), 201)
    ok(owner.post(f"/agreements/{brand.draft(mso, entity, site)}/signature", json={"signed_on": "2026-11-01"}))
    brand.draft(mso, entity, site, services=["billing"])
    baa = {"legal_entity_id": entity, "business_associate_id": mso, "signed_on": "2026-01-15"}
    ok(brand.admin.post("/business-associate-agreements", json=baa), 201)
    asked = {"user_id": user, "purpose": "Resolve denied claims", "ends_on": str(today() + timedelta(days=9))}
    purpose = ok(brand.at_entity(entity, "biller").post("/purposes", json=asked), 201)["id"]
    ok(owner.post(f"/purposes/{purpose}/decision", json={"granted": True}))

    seen = _directory(brand).organization(brand.id)
    place = seen.locations[UUID(site)]
    assert (place.entity.id, place.region_id, place.zone) == (UUID(entity), UUID(west), "America/Los_Angeles")
    assert [agreement.services for agreement in place.agreements] == [frozenset({"procurement", "hr"})]
    assert place.entity.agreements == place.agreements
    # It was signed after its first day, and opens nothing before that.
    assert str(place.agreements[0].period.starts_on) == "2026-11-01"
    assert [str(term.starts_on) for term in place.entity.associations] == ["2026-01-15"]
    assert not seen.entities[UUID(mso)].clinical
    [grant] = seen.grants[UUID(user)]
    assert grant.limits == {"approval": Decimal("500.00")}
    assert [held.licence for held in seen.grants[UUID(director["user_id"])]] == ["CA A123456"]
    assert [opened for opened, _ in seen.purposes[UUID(user)]] == [UUID(entity)]


def test_a_revoked_grant_is_gone_within_five_seconds(brand: Brand) -> None:
    directory, user = _directory(brand), brand.person()
    grant = brand.grant(user, "auditor")
    assert until(lambda: _roles(directory.organization(brand.id), user) == {"auditor"}, 5)
    ok(brand.admin.post(f"/grants/{grant}/revocation"))
    assert until(lambda: _roles(directory.organization(brand.id), user) == set(), 5)


def test_the_bell_brings_a_change_to_every_process_at_once(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "FRESH_SECONDS", 3600.0)
    bell = Wakeup(str(brand.app.extensions["partywall"].settings.database_url), CHANNEL)
    directory, deaf = Directory(brand.database, brand.keyring, bell=bell), _directory(brand)
    user = brand.person()
    assert _roles(directory.organization(brand.id), user) == _roles(deaf.organization(brand.id), user) == set()
    brand.grant(user, "auditor")
    assert until(lambda: _roles(directory.organization(brand.id), user) == {"auditor"}, 5)
    assert _roles(deaf.organization(brand.id), user) == set()
    bell.close()


def test_who_changed_the_directory_need_not_wait_for_the_bell(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "FRESH_SECONDS", 3600.0)
    bell = Wakeup(str(brand.app.extensions["partywall"].settings.database_url), CHANNEL, notify=False)
    directory, user = Directory(brand.database, brand.keyring, bell=bell), brand.person()
    assert _roles(directory.organization(brand.id), user) == set()
    brand.grant(user, "auditor")
    directory.changed()
    assert _roles(directory.organization(brand.id), user) == {"auditor"}


def test_a_session_that_was_signed_out_is_refused_within_two_seconds_by_every_process(brand: Brand) -> None:
    brand.grant(brand.person("Bea Buyer", PASSWORD), "auditor")
    token = ok(brand.sign_in("Bea"), 201)["access_token"]
    headers, elsewhere = {"Authorization": f"Bearer {token}"}, _directory(brand)
    assert elsewhere.authenticate(headers).name == "Bea Buyer"
    assert brand.front.test_client().delete("/v1/sessions/current", headers=headers).status_code == 204

    def shut() -> bool:
        try:
            elsewhere.authenticate(headers)
        except Unauthenticated:
            return True
        return False

    assert until(shut, 2.0)


def test_a_remembered_token_still_expires(brand: Brand) -> None:
    brand.grant(brand.person("Bea Buyer", PASSWORD), "auditor")
    token = ok(brand.sign_in("Bea"), 201)["access_token"]
    directory, headers = _directory(brand), {"Authorization": f"Bearer {token}"}
    directory.authenticate(headers)
    with frozen(now() + timedelta(minutes=11)), pytest.raises(Unauthenticated):
        directory.authenticate(headers)


def test_every_change_that_the_door_must_hear_of_makes_a_new_version(
    brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principals, "FRESH_SECONDS", 0.0)
    brand.load_rules()
    directory, versions = _directory(brand), []

    def note() -> None:
        versions.append(directory.organization(brand.id).version)

    note()
    mso, entity = brand.entity("mso", "Lumina Management LLC"), brand.entity()
    note()
    site = brand.site(entity)
    note()
    grant = brand.grant(brand.person(), "auditor")
    note()
    ok(brand.admin.post(f"/grants/{grant}/revocation"))
    note()
    agreement = brand.draft(mso, entity, site)
    note()
    ok(brand.owner(entity, sites=(site,)).post(f"/agreements/{agreement}/signature", json={}))
    note()
    ok(brand.admin.patch(f"/locations/{site}", json={"name": "New"}, headers={"If-Match": '"1"'}))
    note()
    assert versions == sorted(set(versions))


def test_an_unchanged_directory_is_not_read_again(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "FRESH_SECONDS", 0.0)
    directory = _directory(brand)
    first = directory.organization(brand.id)
    assert directory.organization(brand.id) is first
    brand.entity()
    assert directory.organization(brand.id) is not first


def test_a_change_that_was_refused_makes_no_new_version(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(principals, "FRESH_SECONDS", 0.0)
    directory = _directory(brand)
    before = directory.organization(brand.id).version
    body = {"user_id": brand.made["user_id"], "role": "auditor", "scope_kind": "organization"}
    assert brand.admin.post("/grants", json=body).status_code == 403
    assert directory.organization(brand.id).version == before


def test_an_organization_that_is_not_there_is_not_found(brand: Brand) -> None:
    with pytest.raises(NotFound):
        _directory(brand).organization(new_id())


def test_organizations_are_kept_apart(make_brand: Callable[[str], Brand]) -> None:
    ours, theirs = make_brand("lumina"), make_brand("glow")
    entity = ours.entity()
    directory = _directory(ours)
    assert UUID(entity) in directory.organization(ours.id).entities
    assert directory.organization(theirs.id).entities == {}
    assert set(directory.organization(theirs.id).grants) == {UUID(theirs.made["user_id"])}


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "Bearer a b c", "Bearer \u00fc", "Bearer " + "x" * 9000])
def test_a_header_that_proves_nothing_is_refused(brand: Brand, header: str) -> None:
    with pytest.raises(Unauthenticated):
        _directory(brand).authenticate({"Authorization": header})
