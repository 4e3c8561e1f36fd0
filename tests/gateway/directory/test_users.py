"""User accounts."""

from collections.abc import Callable

import pytest

from tests.gateway.directory.brand import Brand, ok, refused


def test_an_e_mail_address_belongs_to_one_person_on_the_whole_platform(make_brand: Callable[[str], Brand]) -> None:
    ours, theirs = make_brand("lumina"), make_brand("glow")
    body = {"name": "Bea Buyer", "email": "Bea@Example.org"}
    assert ok(ours.admin.post("/users", json=body), 201)["email"] == "bea@example.org"
    answer = theirs.admin.post("/users", json={**body, "email": "bea@example.org"})
    assert "bea" not in answer.get_data(as_text=True).lower()
    refused(answer, 409, "already-exists")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Bea"},
        {"name": "Bea", "email": "bea"},
        {"name": " ", "email": "bea@example.org"},
        {"name": "Bea", "email": "bea@example.org", "status": "active"},
        {"name": "Bea", "email": "bea@example.org", "password": "a long password"},
        {"name": ["Bea"], "email": "bea@example.org"},
    ],
)
def test_a_malformed_user_is_refused(brand: Brand, body: dict[str, object]) -> None:
    assert brand.admin.post("/users", json=body).status_code == 422


def test_a_user_changes_by_the_version_that_was_read(brand: Brand) -> None:
    user = brand.person()
    path = f"/users/{user}"
    assert brand.admin.patch(path, json={"name": "Beatrice"}).status_code == 428
    changed = brand.admin.patch(path, json={"name": "Beatrice"}, headers={"If-Match": '"1"'})
    assert (ok(changed)["name"], changed.headers["ETag"]) == ("Beatrice", '"2"')
    assert brand.admin.patch(path, json={"name": "B"}, headers={"If-Match": '"1"'}).status_code == 412
    assert [each["change"] for each in brand.told("gateway.user.recorded") if each["user_id"] == user] == [
        "opened",
        "changed",
    ]


def test_nobody_locks_their_own_account(brand: Brand) -> None:
    refused(brand.admin.post(f"/users/{brand.made['user_id']}/lock"), 403, "locks-self")
    refused(brand.admin.post(f"/users/{brand.made['user_id']}/closure"), 403, "locks-self")


def test_locking_twice_is_locking_once_and_a_closed_account_stays_closed(brand: Brand) -> None:
    user = brand.person()
    for _ in range(2):
        assert ok(brand.admin.post(f"/users/{user}/lock"))["status"] == "locked"
    assert ok(brand.admin.post(f"/users/{user}/closure"))["status"] == "closed"
    refused(brand.admin.delete(f"/users/{user}/lock"), 409, "user-closed")
    told = [each["change"] for each in brand.told("gateway.user.recorded") if each["user_id"] == user]
    assert told == ["opened", "locked", "closed"]


def test_users_are_listed_by_name_and_found_by_e_mail(brand: Brand) -> None:
    brand.person("Zoe Last")
    brand.person("Bea Buyer")
    names = [each["name"] for each in ok(brand.admin.get("/users"))["items"]]
    assert names == ["Ada Admin", "Bea Buyer", "Zoe Last"]
    found = ok(brand.admin.get("/users?email=BEA@lumina.example"))["items"]
    assert [each["name"] for each in found] == ["Bea Buyer"]


def test_no_answer_about_a_user_holds_a_password(brand: Brand) -> None:
    user = brand.person("Bea Buyer", "a good long phrase")
    text = brand.admin.get(f"/users/{user}").get_data(as_text=True)
    assert "argon2" not in text
    assert "password" not in text
