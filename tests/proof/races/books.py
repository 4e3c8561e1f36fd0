"""Races of the books: months closed while they are posted to, entries reversed, fees of the manager."""

import os
import signal
import time
from datetime import date
from functools import partial
from typing import Any

from deploy.demo.client import Answer
from tests.proof.races.buying import AT, delivery, order
from tests.proof.races.crowd import Call, at_once, post
from tests.proof.races.ground import RACING, Ground
from tests.proof.races.race import Round, race, require

BOOKS = "TX"


def _entry(month: date, cents: int) -> dict[str, Any]:
    amount = f"{cents / 100:.2f}"
    lines = [{"account_code": "1000", "debit": amount}, {"account_code": "3000", "credit": amount}]
    return {"posted_on": str(month), "memo": "A race", "lines": lines}


def _closed_after(ground: Ground) -> date:
    """The first month of these books that no round has closed."""
    query = "select max(starts_on) from accounting_period where legal_entity_id = :entity and status = 'closed'"
    last = ground.one("billing", query, entity=ground.stage.ids[BOOKS])
    return date(2000, 1, 1) if last is None else date(last.year + last.month // 12, last.month % 12 + 1, 1)


@race("a month closed by two people while four post to it", "period-closed")
def closing(ground: Ground) -> Round:
    month, path = _closed_after(ground), ground.stage.entity(BOOKS, "billing")
    gil, owner = ground.person("gil.fontaine"), ground.person("dr.delgado")
    gil.post(f"{path}/journal", _entry(month, 100))
    close = [post(who, f"{path}/periods/{month:%Y-%m}/closing", {"accept_warnings": True}) for who in (gil, owner)]
    answers = at_once([*(post(gil, f"{path}/journal", _entry(month, 100)) for _ in range(4)), *close])
    posted = 1 + sum(answer.ok for answer in answers[:4])
    query = (
        "select"
        " (select sum(total) from journal_entry where legal_entity_id = :entity and posted_on = :month) as booked,"
        " (select sum(debit) from period_total where legal_entity_id = :entity and starts_on = :month) as frozen"
    )
    (row,) = ground.rows("billing", query, entity=ground.stage.ids[BOOKS], month=month)
    require(row.booked == row.frozen == posted * 100, f"{posted} posted, {row.booked} booked, {row.frozen} frozen")
    return Round(answers, sum(answer.ok for answer in answers[4:]))


@race("one entry reversed six times")
def reversals(ground: Ground) -> Round:
    path, gil, on = (
        f"{ground.stage.entity('mso', 'billing')}/journal",
        ground.person("gil.fontaine"),
        ground.stage.today,
    )
    made = gil.post(path, _entry(on, 250))
    body = {"posted_on": str(on), "memo": "Taken back"}
    answers = at_once([post(gil, f"{path}/{made['id']}/reversal", body) for _ in range(6)])
    require(len({answer.body["id"] for answer in answers}) == 1, "everybody sees the same reversal")
    return Round(
        answers, len(ground.rows("billing", "select 1 from journal_entry where reverses = :id", id=made["id"]))
    )


def _statement(ground: Ground) -> dict[str, Any]:
    """The drafted fee of a month that had none."""
    body = {"agreement_id": ground.racing, "month": ground.next_month()}
    path = f"{ground.stage.entity(RACING, 'billing')}/fee-statements"
    made = ground.person("gil.fontaine").post(path, body).body
    require(made["outcome"] == "allowed", f"the fee is allowed: {made}")
    return dict(made)


def _approve(ground: Ground, made: dict[str, Any], key: str) -> Call:
    path = f"{ground.stage.entity(RACING, 'billing')}/fee-statements/{made['id']}/approval"
    return post(ground.person(key), path, {"amount": made["amount"]})


def _both_sides(ground: Ground, made: dict[str, Any]) -> int:
    """How often a fee stands in both books."""
    query = "select legal_entity_id from journal_entry where source_type = 'fee_statement' and source_id = :id"
    sides = [str(row.legal_entity_id) for row in ground.rows("billing", query, id=made["id"])]
    mine = sides.count(ground.stage.ids[RACING])
    require(sides.count(ground.stage.ids["mso"]) == mine, f"both sides: {sides}")
    return mine


@race("two owners approve one fee statement, each three times")
def fee_approvals(ground: Ground) -> Round:
    made = _statement(ground)
    answers = at_once([_approve(ground, made, key) for key in ("dr.weiss", "dr.nakamura") * 3])
    taken = ground.rows("billing", "select 1 from reserved_decision where subject_id = :id", id=made["id"])
    require(len(taken) == 1, f"{len(taken)} decisions on record")
    return Round(answers, _both_sides(ground, made))


@race("a fee statement approved by one owner, sent back by the other", "already-decided")
def fee_approval_or_refusal(ground: Ground) -> Round:
    made = _statement(ground)
    path = f"{ground.stage.entity(RACING, 'billing')}/fee-statements/{made['id']}/refusal"
    back = [post(ground.person("dr.nakamura"), path, {"reason": "Too dear."}) for _ in range(2)]
    answers = at_once([_approve(ground, made, "dr.weiss"), *back, _approve(ground, made, "dr.weiss")])
    query = "select outcome from reserved_decision where subject_id = :id"
    taken = [row.outcome for row in ground.rows("billing", query, id=made["id"])]
    require(taken == ["approved"] * _both_sides(ground, made) or taken == ["refused"], f"on record {taken}")
    return Round(answers, len(taken))


@race("the fee of one month drafted four times")
def fee_drafts(ground: Ground) -> Round:
    body = {"agreement_id": ground.racing, "month": ground.next_month()}
    path = f"{ground.stage.entity(RACING, 'billing')}/fee-statements"
    answers = at_once([post(ground.person("gil.fontaine"), path, body) for _ in range(4)])
    return Round(answers, len({answer.body["id"] for answer in answers if answer.ok}))


def _recount(ground: Ground) -> Call:
    """The director of the racing practice finds goods, which billing books as the practice's."""
    query = "select id from catalog_item where item_class = 'biologic' and status = 'active' order by sku limit 1"
    found = {"item_id": str(ground.one("procurement", query)), "counted": "1", "unit_cost": "5.0000"}
    found |= {
        "lot": ground.tag().upper(),
        "expires_on": str(ground.stage.today.replace(year=ground.stage.today.year + 1, day=1)),
    }
    return post(ground.person("dr.romano"), f"{ground.stage.site('RAC', 'procurement')}/counts", found)


def _booked(ground: Ground, source: str) -> bool:
    return bool(ground.rows("billing", "select 1 from journal_entry where source_id = :id", id=source))


# Each round takes four of the 310 months that the agreement has; the other races of fees take three between them.
@race("fees stand in two books while goods that waited are booked in both", every=2)
def fees_and_goods(ground: Ground) -> Round:
    statements, ordered = [_statement(ground) for _ in range(4)], order(ground)
    at, finn, worker = ground.stage.site(AT, "procurement"), ground.person("finn.hart"), ground.worker("billing")
    approve = [_approve(ground, each, "dr.weiss") for each in statements]
    os.kill(worker, signal.SIGSTOP)  # so that it finds many facts at once, and books them in one transaction
    try:
        sources = [_recount(ground)().body["moves"][0]["id"] for _ in range(6)]
        sources.append(finn.post(f"{at}/orders/{ordered['id']}/receipts", delivery(ordered, ground.tag()))["id"])
        answers = at_once([*approve, partial(_wake, worker, ground.next() % 8 * 0.03)])[:4]
    finally:
        os.kill(worker, signal.SIGCONT)
    for source in sources:
        ground.eventually(partial(_booked, ground, source), f"{source} is booked")
    return Round(answers, sum(_both_sides(ground, each) for each in statements), expected=4)


def _wake(process: int, seconds: float) -> Answer:
    """Let a stopped process go on after a moment: it meets the others at another point each time."""
    time.sleep(seconds)
    os.kill(process, signal.SIGCONT)
    return Answer(200, None, {})


RACES = (closing, reversals, fee_approvals, fee_approval_or_refusal, fee_drafts, fees_and_goods)
