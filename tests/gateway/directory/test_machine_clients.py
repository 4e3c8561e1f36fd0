"""Machine clients and their API keys."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.gateway.machine_clients.models import ApiKey
from services.gateway.principals import service as principals
from services.gateway.principals.service import Directory
from shared.clock import frozen, now, today
from shared.idempotency import IdempotencyKey
from shared.identity import BadToken
from tests.gateway.directory.brand import Brand, ok, refused


@pytest.fixture
def client(brand: Brand) -> str:
    """A machine client without grants."""
    return str(ok(brand.admin.post("/machine-clients", json={"name": "EHR feed"}), 201)["id"])


def _issue(brand: Brand, client: str, days: int = 30) -> dict[str, str]:
    body = {"expires_on": str(today() + timedelta(days=days))}
    return ok(brand.admin.post(f"/machine-clients/{client}/keys", json=body), 201)


def _directory(brand: Brand) -> Directory:
    return Directory(brand.database, brand.keyring)


def _bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_key_proves_its_client_on_the_plane_of_whoever_issued_it(brand: Brand, client: str) -> None:
    key = _issue(brand, client)
    principal = _directory(brand).authenticate(_bearer(key["key"]))
    assert (str(principal.id), principal.kind, principal.plane) == (client, "machine", "business")
    listed = ok(brand.admin.get(f"/machine-clients/{client}/keys"))["items"]
    assert listed[0]["last_used_at"] is not None
    assert "key" not in listed[0]


def test_the_secret_of_a_key_is_kept_nowhere(brand: Brand, client: str) -> None:
    body, headers = {"expires_on": str(today())}, {"Idempotency-Key": "one"}
    key = ok(brand.admin.post(f"/machine-clients/{client}/keys", json=body, headers=headers), 201)["key"]
    secret = key.split("_", 2)[2]
    with brand.database.transaction(brand.everywhere().scope) as session:
        kept = [row.body or b"" for row in session.execute(select(IdempotencyKey)).scalars()]
        hashes = session.execute(select(ApiKey.secret_hash)).scalars().all()
    assert not any(secret.encode() in each for each in [*kept, *hashes])
    assert not any(secret in str(each) for each in brand.told("gateway.audit.recorded"))


def test_a_wrong_unknown_or_mangled_key_is_refused(brand: Brand, client: str) -> None:
    key, directory = _issue(brand, client)["key"], _directory(brand)
    for bad in (key[:-1] + ("A" if key[-1] != "A" else "B"), "pwk_", "pwk_abc", "pwk_aaaaaaaaaaaa_secret", key + "x"):
        with pytest.raises(BadToken):
            directory.authenticate(_bearer(bad))


def test_an_expired_key_is_refused(brand: Brand, client: str) -> None:
    key = _issue(brand, client, days=0)["key"]
    with frozen(now() + timedelta(days=1)), pytest.raises(BadToken):
        _directory(brand).authenticate(_bearer(key))


def test_a_revoked_key_and_the_keys_of_a_locked_client_stop_working(
    brand: Brand, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principals, "FRESH_SECONDS", 0.0)
    first, second, directory = _issue(brand, client), _issue(brand, client), _directory(brand)
    ok(brand.admin.post(f"/api-keys/{first['id']}/revocation"))
    with pytest.raises(BadToken):
        directory.authenticate(_bearer(first["key"]))
    refused(brand.admin.post(f"/api-keys/{first['id']}/revocation"), 409, "key-revoked")
    directory.authenticate(_bearer(second["key"]))
    ok(brand.admin.post(f"/users/{client}/lock"))
    with pytest.raises(BadToken):
        directory.authenticate(_bearer(second["key"]))


def test_a_key_is_for_machines_and_expires_within_a_year(brand: Brand, client: str) -> None:
    soon = {"expires_on": str(today() + timedelta(days=1))}
    refused(brand.admin.post(f"/machine-clients/{brand.person()}/keys", json=soon), 422, "not-a-machine")
    for days in (-1, 400):
        body = {"expires_on": str(today() + timedelta(days=days))}
        refused(brand.admin.post(f"/machine-clients/{client}/keys", json=body), 422, "key-term")


def test_a_clinical_key_is_issued_by_the_owner_where_the_client_works_and_by_nobody_else(
    brand: Brand, client: str
) -> None:
    entity, other = brand.entity(), brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    owner, body = brand.owner(entity), {"expires_on": str(today() + timedelta(days=30))}
    path = f"/machine-clients/{client}/keys"
    assert owner.post(path, json=body).status_code == 404
    grant = {"user_id": client, "role": "clinical_system", "scope_kind": "legal_entity", "scope_id": entity}
    ok(owner.post("/clinical-grants", json=grant), 201)
    assert brand.owner(other).post(path, json=body).status_code == 404
    key = ok(owner.post(path, json=body), 201)
    assert key["plane"] == "clinical"
    assert _directory(brand).authenticate(_bearer(key["key"])).plane == "clinical"
    refused(brand.admin.post(f"/api-keys/{key['id']}/revocation"), 403, "key-of-other-plane")
    ok(owner.post(f"/api-keys/{key['id']}/revocation"))
