"""Passwords: what they must be, who sets them, and how guessing is slowed down."""

import threading
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from services.gateway.accounts import passwords
from services.gateway.accounts.models import LocalAccount
from shared.clock import frozen, now, today
from tests.gateway.directory.brand import PASSWORD, Brand, ok, refused


@pytest.mark.parametrize(
    "password", ["short", "bea@lumina.example", "BEA@lumina.example", "aaaaaaaaaaaaaaa", "x" * 201]
)
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(passwords.WeakPassword):
        passwords.check(password, "bea@lumina.example")


def test_a_password_is_kept_as_an_argon2id_hash_only(brand: Brand) -> None:
    brand.person("Bea Buyer", PASSWORD)
    with brand.database.platform_transaction() as session:
        kept = session.execute(select(LocalAccount.password_hash)).scalars().all()
    assert all(each.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for each in kept)
    assert not any(PASSWORD in each for each in kept)


def test_a_one_time_password_opens_nothing_until_it_is_changed(brand: Brand) -> None:
    user = brand.person("Bea Buyer")
    brand.grant(user, "auditor")
    body = {"one_time_password": "one time only 1"}
    assert brand.admin.put(f"/users/{user}/one-time-password", json=body).status_code == 204
    refused(brand.sign_in("Bea Buyer", "one time only 1"), 403, "password-is-one-time")
    body = {"email": brand.email("Bea"), "password": "one time only 1", "new_password": PASSWORD}
    assert brand.front.test_client().put("/v1/password", json=body).status_code == 204
    ok(brand.sign_in("Bea Buyer"), 201)
    refused(brand.sign_in("Bea Buyer", "one time only 1"), 401, "bad-credentials")


def test_a_new_password_must_be_new_and_strong(brand: Brand) -> None:
    brand.person("Bea Buyer", PASSWORD)
    client = brand.front.test_client()
    same = {"email": brand.email("Bea"), "password": PASSWORD, "new_password": PASSWORD}
    refused(client.put("/v1/password", json=same), 422, "weak-password")
    refused(client.put("/v1/password", json={**same, "new_password": "tooshort"}), 422, "weak-password")
    refused(client.put("/v1/password", json={**same, "password": "wrong password"}), 401, "bad-credentials")


def test_an_unknown_address_and_a_wrong_password_get_the_same_answer(brand: Brand) -> None:
    brand.person("Bea Buyer", PASSWORD)
    answers = [brand.sign_in(name, "not the password").get_json() for name in ("Bea", "Nobody")]
    assert [{**answer, "request_id": ""} for answer in answers] == [{**answers[0], "request_id": ""}] * 2


def test_an_unknown_address_costs_the_same_hash_as_a_wrong_password(
    brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand.person("Bea Buyer", PASSWORD)
    hashed: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, hash: str, password: str) -> bool:
        hashed.append(hash.rsplit("$", 2)[0])
        return bool(verify(self, hash, password))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for name in ("Bea", "Nobody"):
        refused(brand.sign_in(name, "not the password"), 401, "bad-credentials")
    assert len(hashed) == 2
    assert hashed[0] == hashed[1]  # the same algorithm at the same cost


@pytest.mark.parametrize("name", ["Bea", "Nobody"])
def test_five_failures_lock_an_address_for_a_minute_whoever_has_it(brand: Brand, name: str) -> None:
    user = brand.person("Bea Buyer", PASSWORD)
    brand.grant(user, "auditor")
    start = now()
    with frozen(start):
        for _ in range(5):
            refused(brand.sign_in(name, "not the password"), 401, "bad-credentials")
        locked = brand.sign_in(name, PASSWORD)
        refused(locked, 429, "sign-in-locked")
        assert 1 <= int(locked.headers["Retry-After"]) <= 61
    with frozen(start + timedelta(seconds=61)):
        refused(brand.sign_in(name, "not the password"), 401, "bad-credentials")
    with frozen(start + timedelta(seconds=61 + 61)):
        refused(brand.sign_in(name, PASSWORD), 429, "sign-in-locked")


def test_the_right_password_after_the_wait_clears_the_failures(brand: Brand) -> None:
    brand.grant(brand.person("Bea Buyer", PASSWORD), "auditor")
    start = now()
    with frozen(start):
        for _ in range(5):
            brand.sign_in("Bea", "not the password")
    with frozen(start + timedelta(seconds=61)):
        ok(brand.sign_in("Bea"), 201)
        refused(brand.sign_in("Bea", "not the password"), 401, "bad-credentials")
        ok(brand.sign_in("Bea"), 201)


def test_guessing_from_many_threads_at_once_gets_no_more_than_five_tries(brand: Brand) -> None:
    brand.person("Bea Buyer", PASSWORD)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(brand.sign_in("Bea", "not the password").status_code))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(401) == 5
    assert statuses.count(429) == 7


def test_the_business_side_resets_no_password_of_clinical_people(brand: Brand) -> None:
    entity, user = brand.entity(), brand.person("Olga Owner")
    brand.grant(user, "clinical_entity_owner", "legal_entity", entity)
    body = {"one_time_password": "one time only 1"}
    refused(brand.admin.put(f"/users/{user}/one-time-password", json=body), 403, "clinical-account")
    assert brand.owner(entity).put(f"/users/{user}/one-time-password", json=body).status_code == 204


def test_an_owner_resets_passwords_of_their_own_clinical_people_only(brand: Brand) -> None:
    entity, other = brand.entity(), brand.entity(name="Hudson Aesthetics PLLC", state="NY")
    stranger, clerk = brand.person("Olga Owner"), brand.person("Carl Clerk")
    brand.grant(stranger, "clinical_entity_owner", "legal_entity", other)
    body = {"one_time_password": "one time only 1"}
    for user in (stranger, clerk):
        assert brand.owner(entity).put(f"/users/{user}/one-time-password", json=body).status_code == 404


def test_nobody_resets_their_own_password(brand: Brand) -> None:
    body = {"one_time_password": "one time only 1"}
    answer = brand.admin.put(f"/users/{brand.made['user_id']}/one-time-password", json=body)
    refused(answer, 403, "own-account")


def test_the_business_side_cannot_make_a_clinical_account_answer_to_another_identity(brand: Brand) -> None:
    entity, user = brand.entity(), brand.person("Olga Owner")
    body, headers = {"email": "mallory@lumina.example", "external_subject": "mallory"}, {"If-Match": "*"}
    soon = str(today() + timedelta(days=7))
    brand.grant(user, "clinical_entity_owner", "legal_entity", entity, starts_on=soon)
    path = f"/users/{user}/identity"
    refused(brand.admin.put(path, json=body, headers=headers), 403, "clinical-account")
    assert brand.owner(brand.entity(name="Hudson PLLC")).put(path, json=body, headers=headers).status_code == 404
    assert ok(brand.owner(entity).put(path, json=body, headers=headers))["external_subject"] == "mallory"


def test_an_administrator_corrects_the_e_mail_address_of_a_business_user(brand: Brand) -> None:
    user = brand.person("Bea Buyer", PASSWORD)
    brand.grant(user, "auditor")
    body = {"email": "Beatrice@lumina.example", "external_subject": None}
    assert brand.admin.put(f"/users/{user}/identity", json=body).status_code == 428
    stale = brand.admin.put(f"/users/{user}/identity", json=body, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    ok(brand.admin.put(f"/users/{user}/identity", json=body, headers={"If-Match": "*"}))
    refused(brand.sign_in("Bea"), 401, "bad-credentials")
    ok(brand.sign_in("Beatrice"), 201)
