"""Races of revenue: charges, invoices, payments, refunds, credit notes."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from deploy.demo.client import Answer
from tests.proof.races.crowd import at_once, post
from tests.proof.races.ground import Ground
from tests.proof.races.race import Round, race, require

AT, EHR = "OAK", "racing-ehr"
PRICE = Decimal("120.00")
TAKERS = ("tess.ortiz", "finn.hart") * 3


def _file(ground: Ground, patients: Sequence[str]) -> dict[str, Any]:
    """A file with one charge of each patient."""
    charge = {
        "service_on": str(ground.stage.today - timedelta(days=1)),
        "patient_name": "Robin Sample",
        "code_system": "LOCAL",
        "code": "TOX-GLAB",
        "item_class": "cosmetic_service",
        "quantity": "1",
        "unit_price": str(PRICE),
    }
    return {"charges": [{**charge, "source_id": f"{each}-{ground.next()}", "patient_id": each} for each in patients]}


def accounts(ground: Ground, count: int = 1) -> list[str]:
    """So many new patients' accounts with a charge that waits."""
    ground.tax_services()
    file = _file(ground, [ground.tag() for _ in range(count)])
    path = f"{ground.stage.site(AT, 'billing')}/charge-imports"
    ground.machine().post(path, file, source_system=EHR)
    query = "select account_id from charge where source_system = :ehr and source_id = any(:ids)"
    ids = [charge["source_id"] for charge in file["charges"]]
    return [str(row.account_id) for row in ground.rows("billing", query, ehr=EHR, ids=ids)]


def invoice(ground: Ground) -> dict[str, Any]:
    """An open invoice of a new patient."""
    path = f"{ground.stage.site(AT, 'billing')}/invoices"
    return dict(ground.person("tess.ortiz").post(path, {"account_id": accounts(ground)[0]}).body)


def _paid(ground: Ground, made: dict[str, Any], *, on_invoice: bool = True) -> dict[str, Any]:
    """A payment of the whole invoice, or as much left on account."""
    path = f"{ground.stage.site(AT, 'billing')}/payments"
    body: dict[str, Any] = {"account_id": made["account_id"], "method": "cash", "amount": made["total"]}
    if not on_invoice:
        body["allocations"] = []
    return dict(ground.person("tess.ortiz").post(path, body).body)


def _entries(ground: Ground, kind: str, source: Any) -> int:
    query = "select 1 from journal_entry where source_type = :kind and source_id = :source"
    return len(ground.rows("billing", query, kind=kind, source=source))


def _open(ground: Ground, made: dict[str, Any]) -> int:
    """Cents that are open on an invoice."""
    return int(ground.one("billing", "select open from invoice where id = :id", id=made["id"]))


def _accepted(answers: Sequence[Answer]) -> int:
    return sum(answer.ok for answer in answers)


@race("one file of charges sent six times")
def same_file(ground: Ground) -> Round:
    ground.tax_services()
    file = _file(ground, [ground.tag()] * 3)
    path = f"{ground.stage.site(AT, 'billing')}/charge-imports"
    answers = at_once([post(ground.machine(), path, file, source_system=EHR) for _ in range(6)])
    ids = [charge["source_id"] for charge in file["charges"]]
    charges = ground.rows("billing", "select account_id from charge where source_id = any(:ids)", ids=ids)
    require(len(charges) == 3 and len({row.account_id for row in charges}) == 1, f"{charges}")
    return Round(answers, len({answer.body["id"] for answer in answers if answer.ok}))


@race("one account's charges invoiced six times", "nothing-to-invoice")
def same_charges(ground: Ground) -> Round:
    path, body = f"{ground.stage.site(AT, 'billing')}/invoices", {"account_id": accounts(ground)[0]}
    answers = at_once([post(ground.person(key), path, body) for key in TAKERS])
    query = "select id from invoice where account_id = :id"
    made = ground.rows("billing", query, id=body["account_id"])
    require(len(made) == 1 and _entries(ground, "invoice", made[0].id) == 1, "one invoice, booked once")
    return Round(answers, len(made))


@race("six accounts invoiced together, two of them in vain", "nothing-to-invoice", "not-found")
def numbering(ground: Ground) -> Round:
    path, tess = f"{ground.stage.site(AT, 'billing')}/invoices", ground.person("tess.ortiz")
    waiting = accounts(ground, 4)
    tess.post(path, {"account_id": waiting[0]})
    wanted = [*waiting, waiting[0], ground.stage.ids["OAK"]]
    answers = at_once([post(tess, path, {"account_id": account}) for account in wanted])
    query = "select right(number, 6)::int as number from invoice where legal_entity_id = :entity"
    numbers = [row.number for row in ground.rows("billing", query, entity=ground.stage.ids["CA"])]
    require(sorted(numbers) == list(range(1, len(numbers) + 1)), "numbers with a gap")
    return Round(answers, sum(answer.ok for answer in answers), expected=3)


@race("one invoice paid six times", "more-than-open")
def same_invoice(ground: Ground) -> Round:
    made = invoice(ground)
    share = {"invoice_id": made["id"], "amount": made["total"]}
    body = {"account_id": made["account_id"], "method": "cash", "amount": made["total"], "allocations": [share]}
    answers = at_once(
        [post(ground.person(key), f"{ground.stage.site(AT, 'billing')}/payments", body) for key in TAKERS]
    )
    payments = ground.rows("billing", "select id from patient_payment where account_id = :id", id=made["account_id"])
    require(_open(ground, made) == 0, "nothing is open")
    require(len(payments) == 1 and _entries(ground, "payment", payments[0].id) == 1, "one payment, booked once")
    return Round(answers, len(payments))


@race("one payment sent six times with one key")
def same_payment(ground: Ground) -> Round:
    made, key = invoice(ground), ground.tag()
    body = {"account_id": made["account_id"], "method": "cash", "amount": made["total"]}
    path, tess = f"{ground.stage.site(AT, 'billing')}/payments", ground.person("tess.ortiz")
    answers = at_once([post(tess, path, body, key) for _ in range(6)])
    require(len({answer.body["id"] for answer in answers}) == 1, "six times the same answer")
    query = "select 1 from patient_payment where account_id = :id"
    return Round(answers, len(ground.rows("billing", query, id=made["account_id"])))


@race("two bodies sent with one key", "idempotency-key-reused")
def reused_key(ground: Ground) -> Round:
    made, key = invoice(ground), ground.tag()
    body = {"account_id": made["account_id"], "method": "cash"}
    path, tess = f"{ground.stage.site(AT, 'billing')}/payments", ground.person("tess.ortiz")
    answers = at_once([post(tess, path, {**body, "amount": amount}, key) for amount in ("10.00", "20.00") * 3])
    query = "select 1 from patient_payment where account_id = :id"
    return Round(answers, len(ground.rows("billing", query, id=made["account_id"])))


@race("six payments look for the open invoice themselves")
def payments_on_account(ground: Ground) -> Round:
    made = invoice(ground)
    body = {"account_id": made["account_id"], "method": "cash", "amount": made["total"]}
    answers = at_once(
        [post(ground.person(key), f"{ground.stage.site(AT, 'billing')}/payments", body) for key in TAKERS]
    )
    query = "select unallocated from patient_payment where account_id = :id"
    left = [row.unallocated for row in ground.rows("billing", query, id=made["account_id"])]
    require(len(left) == len(TAKERS) and _open(ground, made) == 0, f"{left}")
    return Round(answers, left.count(0))


@race("a deposit put against one invoice six times", "more-than-open", "more-than-on-account")
def same_deposit(ground: Ground) -> Round:
    made = invoice(ground)
    payment = _paid(ground, made, on_invoice=False)
    share = {"invoice_id": made["id"], "amount": made["total"]}
    path = f"{ground.stage.site(AT, 'billing')}/payments/{payment['id']}/allocations"
    answers = at_once([post(ground.person(key), path, {"allocations": [share]}) for key in TAKERS])
    query = "select 1 from patient_payment_allocation where payment_id = :id"
    return Round(answers, len(ground.rows("billing", query, id=payment["id"])))


def _refund(ground: Ground, payment: dict[str, Any]) -> str:
    path = f"{ground.stage.site(AT, 'billing')}/payments/{payment['id']}/refunds"
    body = {"amount": payment["amount"], "reason": "overpayment"}
    return str(ground.person("tess.ortiz").post(path, body)["id"])


def _refunded(ground: Ground, payment: dict[str, Any]) -> int:
    """How often the whole of a payment was given back."""
    row = ground.rows("billing", "select amount, refunded from patient_payment where id = :id", id=payment["id"])[0]
    require(row.refunded in (0, row.amount), f"{row.refunded} of {row.amount} refunded")
    query = "select 1 from patient_refund where payment_id = :id and status = 'paid'"
    return len(ground.rows("billing", query, id=payment["id"]))


@race("three refunds of one payment paid out together", "more-than-paid")
def three_refunds(ground: Ground) -> Round:
    payment = _paid(ground, invoice(ground))
    refunds, at = [_refund(ground, payment) for _ in range(3)], ground.stage.site(AT, "billing")
    gil = ground.person("gil.fontaine")
    answers = at_once([post(gil, f"{at}/refunds/{refund}/payout") for refund in refunds])
    return Round(answers, _refunded(ground, payment))


@race("one refund paid out six times", "refund-paid-before")
def same_refund(ground: Ground) -> Round:
    payment = _paid(ground, invoice(ground))
    path = f"{ground.stage.site(AT, 'billing')}/refunds/{_refund(ground, payment)}/payout"
    answers = at_once([post(ground.person(key), path) for key in ("tess.ortiz", "gil.fontaine") * 3])
    return Round(answers, _refunded(ground, payment))


@race("a deposit used while it is refunded", "more-than-on-account", "more-than-open")
def deposit_or_refund(ground: Ground) -> Round:
    made = invoice(ground)
    payment, at = _paid(ground, made, on_invoice=False), ground.stage.site(AT, "billing")
    payout = post(ground.person("gil.fontaine"), f"{at}/refunds/{_refund(ground, payment)}/payout")
    share = {"allocations": [{"invoice_id": made["id"], "amount": made["total"]}]}
    use = post(ground.person("tess.ortiz"), f"{at}/payments/{payment['id']}/allocations", share)
    answers = at_once([payout, use])
    require(_open(ground, made) == int(Decimal(made["total"]) * 100), "after the refund the whole invoice is open")
    return Round(answers, _refunded(ground, payment))


@race("a refund decided yes and no by two directors", "not-awaiting-decision")
def refund_decisions(ground: Ground) -> Round:
    ground.appoint_second_officers()
    payment, at = _paid(ground, invoice(ground)), ground.stage.site(AT, "billing")
    body = {"amount": payment["amount"], "reason": "clinical"}
    refund = ground.person("tess.ortiz").post(f"{at}/payments/{payment['id']}/refunds", body)["id"]
    votes = (("dr.osei", True), ("dr.romano", False)) * 2
    path = f"{at}/refunds/{refund}/approval"
    answers = at_once([post(ground.person(key), path, {"approved": vote}) for key, vote in votes])
    query = "select outcome from reserved_decision where subject_id = :id"
    taken = [row.outcome for row in ground.rows("billing", query, id=refund)]
    status = ground.one("billing", "select status from patient_refund where id = :id", id=refund)
    require(taken == [status], f"{status}, on record {taken}")
    return Round(answers, len(taken))


def _notes(ground: Ground, made: dict[str, Any]) -> int:
    return len(ground.rows("billing", "select 1 from credit_note where invoice_id = :id", id=made["id"]))


def _credit(ground: Ground, made: dict[str, Any], key: str, *, rebill: bool = False) -> Any:
    body = {"invoice_id": made["id"], "reason": "billing_error", "rebill": rebill}
    return post(ground.person(key), f"{ground.stage.site(AT, 'billing')}/credit-notes", body)


@race("one invoice credited six times", "nothing-to-credit", "more-than-open")
def six_credits(ground: Ground) -> Round:
    made = invoice(ground)
    answers = at_once([_credit(ground, made, key) for key in ("tess.ortiz", "gil.fontaine") * 3])
    require(_open(ground, made) == 0, "nothing is open")
    return Round(answers, _notes(ground, made))


@race("an invoice credited while it is paid", "more-than-open", "nothing-to-credit")
def credit_or_payment(ground: Ground) -> Round:
    made = invoice(ground)
    share = {"invoice_id": made["id"], "amount": made["total"]}
    body = {"account_id": made["account_id"], "method": "cash", "amount": made["total"], "allocations": [share]}
    path = f"{ground.stage.site(AT, 'billing')}/payments"
    pay = [post(ground.person(key), path, body) for key in TAKERS[:2]]
    answers = at_once([*pay, *(_credit(ground, made, key) for key in ("tess.ortiz", "gil.fontaine"))])
    payments = ground.rows("billing", "select 1 from patient_payment where account_id = :id", id=made["account_id"])
    return Round(answers, _notes(ground, made) + len(payments))


@race("an invoice credited for a new one, and billed again at once", "nothing-to-credit", "nothing-to-invoice")
def rebilling(ground: Ground) -> Round:
    made = invoice(ground)
    path, body = f"{ground.stage.site(AT, 'billing')}/invoices", {"account_id": made["account_id"]}
    again = [post(ground.person("tess.ortiz"), path, body) for _ in range(2)]
    answers = at_once([_credit(ground, made, key, rebill=True) for key in ("tess.ortiz", "gil.fontaine")] + again)
    query = "select count(*) filter (where open > 0) as open, count(*) as made from invoice where account_id = :id"
    (row,) = ground.rows("billing", query, id=made["account_id"])
    require((row.open, row.made) in ((0, 1), (1, 2)), f"{row.open} of {row.made} invoices open")
    return Round(answers, _notes(ground, made))


RACES = (
    same_file,
    same_charges,
    numbering,
    same_invoice,
    same_payment,
    reused_key,
    payments_on_account,
    same_deposit,
    three_refunds,
    same_refund,
    deposit_or_refund,
    refund_decisions,
    six_credits,
    credit_or_payment,
    rebilling,
)
