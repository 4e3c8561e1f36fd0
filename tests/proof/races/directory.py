"""Races of the directory: agreements, grants, purposes, administrators, sessions, accounts."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from typing import Any

from deploy.demo.client import Answer, Person, send
from deploy.demo.people import EVERY_SERVICE
from tests.proof.races.crowd import Call, at_once, post
from tests.proof.races.ground import GATEWAY, PATIENCE, Ground
from tests.proof.races.race import Round, race, require

REVOKED_WITHIN = 5.0  # seconds, as the demo story promises it


def _draft(ground: Ground, starts_on: date, days: int) -> str:
    """An agreement of the CA practice for a time nobody else has spoken for."""
    body = {
        "mso_id": ground.stage.ids["mso"],
        "legal_entity_id": ground.stage.ids["CA"],
        "location_ids": [ground.stage.ids["OAK"]],
        "services": EVERY_SERVICE,
        "starts_on": str(starts_on),
        "ends_on": str(starts_on + timedelta(days=days)),
    }
    return str(ground.person("avery.cole").post(f"{GATEWAY}/agreements", body)["id"])


def _free_day(ground: Ground) -> date:
    return date(ground.stage.today.year + 4, 1, 1) + timedelta(days=40 * ground.next())


def _on(ground: Ground, agreement: str, verb: str, key: str, **body: str) -> Call:
    path = f"{ground.stage.entity('CA', 'gateway')}/agreements/{agreement}/{verb}"
    return post(ground.person(key), path, body)


@race("four overlapping agreements signed together", "agreements-overlap")
def signatures(ground: Ground) -> Round:
    ground.appoint_second_officers()
    day = _free_day(ground)
    drafts = [_draft(ground, day + timedelta(days=shift), 20) for shift in range(4)]
    signed = {"signed_on": str(ground.stage.today)}
    keys = ("dr.nakamura", "dr.weiss") * 2
    pairs = zip(drafts, keys, strict=True)
    answers = at_once([_on(ground, each, "signature", key, **signed) for each, key in pairs])
    query = "select 1 from management_agreement where id = any(:ids) and status = 'signed'"
    return Round(answers, len(ground.rows("gateway", query, ids=drafts)))


@race("an agreement ended by two owners on different days while its manager works", "ends-later")
def endings(ground: Ground) -> Round:
    ground.appoint_second_officers()
    day, at = _free_day(ground), ground.stage.site("OAK", "procurement")
    agreement = _draft(ground, day, 30)
    _on(ground, agreement, "signature", "dr.nakamura")()
    days = {key: day + timedelta(days=last) for key, last in (("dr.nakamura", 10), ("dr.weiss", 5))}
    end = [_on(ground, agreement, "end", key, ends_on=str(last)) for key, last in days.items()]
    work = post(
        ground.person("dana.reyes"), f"{at}/requisitions", {"lines": [{**ground.items["paper"], "quantity": "1"}]}
    )
    answers = at_once([*end, work, work])
    ends_on = ground.one("gateway", "select ends_on from management_agreement where id = :id", id=agreement)
    query = "select 1 from reserved_decision where subject_id = :id and outcome = 'revoked'"
    ended = len(ground.rows("gateway", query, id=agreement))
    require(ended == sum(answer.ok for answer in answers[:2]), f"{ended} endings on record")
    require(all(answer.ok for answer in answers[2:]), "work under the agreement in force goes on")
    return Round(answers, int(ends_on == min(days.values())))


@race("one role given to one person six times", "already-granted")
def same_grant(ground: Ground) -> Round:
    admin = ground.person("avery.cole")
    body = {"user_id": ground.stage.ids["ivy.chan"], "role": "front_desk", "scope_kind": "location"}
    body["scope_id"] = ground.stage.ids["DAL"]
    answers = at_once([post(admin, f"{GATEWAY}/grants", body) for _ in range(6)])
    query = "select id from role_grant where user_id = :user and scope_id = :site and revoked_at is null"
    held = ground.rows("gateway", query, user=body["user_id"], site=body["scope_id"])
    for each in held:
        admin.post(f"{GATEWAY}/grants/{each.id}/revocation")
    return Round(answers, len(held))


@race("a role taken away while its holder works", "not-found", "refused", every=5)
def revoked_at_work(ground: Ground) -> Round:
    admin, lou = ground.person("avery.cole"), ground.person("lou.martin")
    at = ground.stage.site("DAL", "procurement")
    body = {"user_id": ground.stage.ids["lou.martin"], "role": "location_manager", "scope_kind": "location"}
    grant = admin.post(f"{GATEWAY}/grants", {**body, "scope_id": ground.stage.ids["DAL"]})["id"]
    ground.eventually(lambda: lou.call("GET", f"{at}/requisitions").ok, "the role is known")
    before = _written(ground)
    draft = {"lines": [{**ground.items["paper"], "quantity": "1"}]}
    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(_work, lou, f"{at}/requisitions", draft) for _ in range(2)]
        admin.post(f"{GATEWAY}/grants/{grant}/revocation")
        began = time.monotonic()
        answers = [answer for each in working for answer in each.result()]
        seconds = time.monotonic() - began
    late = lou.call("POST", f"{at}/requisitions", draft)
    require(seconds < REVOKED_WITHIN and not late.ok, f"the role worked for {seconds:.1f} s after it was taken")
    return Round([*answers, late], _written(ground) - before, expected=sum(answer.ok for answer in answers))


def _written(ground: Ground) -> int:
    query = "select 1 from requisition where location_id = :dallas"
    return len(ground.rows("procurement", query, dallas=ground.stage.ids["DAL"]))


def _work(who: Person, path: str, draft: dict[str, Any]) -> list[Answer]:
    """Draft until refused."""
    answers = [who.call("POST", path, draft)]
    deadline = time.monotonic() + PATIENCE
    while answers[-1].ok and time.monotonic() < deadline:
        answers.append(who.call("POST", path, draft))
    return answers


@race("two owners decide on one purpose grant, yes and no", "purpose-decided")
def purposes(ground: Ground) -> Round:
    ground.appoint_second_officers()
    path = f"{ground.stage.entity('CA', 'gateway')}/purposes"
    body = {"user_id": ground.stage.ids["tess.ortiz"], "purpose": "Collect open balances"}
    asked = ground.person("tess.ortiz").post(path, {**body, "ends_on": str(ground.stage.today + timedelta(days=9))})
    votes = (("dr.nakamura", True), ("dr.weiss", False)) * 2
    one = f"{path}/{asked['id']}/decision"
    answers = at_once([post(ground.person(key), one, {"granted": vote}) for key, vote in votes])
    query = "select outcome from reserved_decision where subject_id = :id"
    taken = [row.outcome for row in ground.rows("gateway", query, id=asked["id"])]
    status = ground.one("gateway", "select status from purpose_grant where id = :id", id=asked["id"])
    require((taken == ["approved"]) == (status == "granted"), f"{status}, on record {taken}")
    return Round(answers, len(taken))


@race("two administrators take each other's role away", "last-administrator", "refused", "not-found")
def administrators(ground: Ground) -> Round:
    role = "franchise_admin"
    avery, gil = ground.person("avery.cole"), ground.person("gil.fontaine")
    avery.post(
        f"{GATEWAY}/grants", {"user_id": ground.stage.ids["gil.fontaine"], "role": role, "scope_kind": "organization"}
    )
    query = "select id, user_id from role_grant where role = :role and revoked_at is null"
    held = {str(row.user_id): row.id for row in ground.rows("gateway", query, role=role)}
    ground.eventually(lambda: gil.call("GET", f"{GATEWAY}/regions").ok, "the second administrator is known")
    each_other = ((avery, "gil.fontaine"), (gil, "avery.cole"))
    paths = [(who, f"{GATEWAY}/grants/{held[ground.stage.ids[whose]]}/revocation") for who, whose in each_other]
    answers = at_once([post(who, path) for who, path in paths])
    left = {str(row.user_id) for row in ground.rows("gateway", query, role=role)}
    if left == {ground.stage.ids["gil.fontaine"]}:
        back = {"user_id": ground.stage.ids["avery.cole"], "role": role, "scope_kind": "organization"}
        made = gil.post(f"{GATEWAY}/grants", {**back, "approval_limit": "100000.00"})
        require(made.ok, "given back")
        ground.eventually(lambda: avery.call("GET", f"{GATEWAY}/grants").ok, "the first administrator is back")
        mine = held[ground.stage.ids["gil.fontaine"]]
        avery.post(f"{GATEWAY}/grants/{mine}/revocation")
    return Round(answers, len(left))


@race("one refresh token used four times", "refresh-refused")
def refreshes(ground: Ground) -> Round:
    fresh = Person(ground.stage.base, ground.person("ivy.chan").email, ground.person("ivy.chan").password)
    token = fresh.sign_in()["refresh_token"]
    call: Call = partial(send, ground.stage.base, "POST", "/v1/sessions/refresh", {"refresh_token": token}, {})
    answers = at_once([call] * 4)
    query = "select 1 from refresh_token where token_hash = sha256(cast(:token as bytea)) and used_at is not null"
    used = ground.rows("gateway", query, token=token.encode())
    return Round(answers, len(used))


@race("one e-mail address registered four times", "already-exists")
def same_account(ground: Ground) -> Round:
    admin, email = ground.person("avery.cole"), f"{ground.tag()}@lumina.example"
    body = {"name": "Sam Twice", "email": email}
    answers = at_once([post(admin, f"{GATEWAY}/users", body) for _ in range(4)])
    return Round(answers, len(ground.rows("gateway", "select 1 from user_account where email = :e", e=email)))


RACES = (
    signatures,
    endings,
    same_grant,
    revoked_at_work,
    purposes,
    administrators,
    refreshes,
    same_account,
)
