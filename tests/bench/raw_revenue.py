"""Invoice, post and pay as SQL through raw psycopg: the rows the services write, in two transactions."""

import itertools
from typing import Any
from uuid import uuid4

import psycopg

from shared.clock import now
from shared.ids import new_id
from tests.bench.generator import Step
from tests.bench.raw import Cursor, next_number, tell, transaction

_CENTS = 12_000


def revenue(number: int, url: str, organization: str, charges: list[dict[str, str]], clients: int) -> Step:
    """Invoice a charge and book it; take the payment and book that. Charges come round again: nobody checks."""
    connection, turn = psycopg.connect(url), itertools.cycle(charges[number::clients])

    def step() -> None:
        charge = next(turn)
        site = charge["location_id"], charge["legal_entity_id"]
        about = {"org": organization, "loc": site[0], "entity": site[1], **charge, "at": now(), "on": now().date()}
        about |= {"invoice": new_id(), "payment": new_id(), "cents": _CENTS}
        with transaction(connection, organization, site) as cursor:
            _claimed(cursor, about, _invoice)
        with transaction(connection, organization, site) as cursor:
            _claimed(cursor, about, _pay)

    return step


def _claimed(cursor: Cursor, about: dict[str, Any], work: Any) -> None:
    """The work between claiming an idempotency key and storing the answer."""
    about |= {"key": str(uuid4()), "claim": uuid4()}
    cursor.execute(_CLAIM, about)
    cursor.execute(b"select * from patient_account where id = %(account_id)s", about).fetchone()
    cursor.execute(b"select * from known_location where id = %(loc)s", about).fetchone()
    work(cursor, about)
    cursor.execute(_ANSWER, about | {"body": b"x" * 500})


_CLAIM = b"""insert into idempotency_key (id, organization_id, principal_id, operation, key, fingerprint, created_at)
values (%(claim)s, %(org)s, %(entity)s, 'bench', %(key)s, 'x', %(at)s) on conflict do nothing returning id"""
_ANSWER = b"""update idempotency_key set status = 201, headers = '{}', body = %(body)s
where organization_id = %(org)s and principal_id = %(entity)s and operation = 'bench' and key = %(key)s"""


def _invoice(cursor: Cursor, about: dict[str, Any]) -> None:
    cursor.execute(b"select * from charge where id = %(id)s for update", about).fetchone()
    cursor.execute(_TAX, about).fetchall()
    cursor.execute(b"update charge set invoice_id = %(invoice)s, version = version + 1 where id = %(id)s", about)
    about["number"] = f"BENCH-{_next(cursor, about, 'BENCH-INV'):06d}"
    cursor.execute(_INVOICE, about)
    cursor.execute(_INVOICE_LINE, about | {"line": new_id()})
    _post(cursor, about, "invoice", ["1200", "4000"])


_TAX = b"select * from tax_rule where state = 'CA' and locality in ('', 'Oakland') and effective_from <= %(on)s"
_INVOICE = b"""insert into invoice (id, organization_id, location_id, legal_entity_id, account_id, account_number,
  number, issued_on, due_on, subtotal, tax, total, open, version)
values (%(invoice)s, %(org)s, %(loc)s, %(entity)s, %(account_id)s, 'BENCH', %(number)s, %(on)s, %(on)s, %(cents)s, 0,
  %(cents)s, %(cents)s, 1)"""
_INVOICE_LINE = b"""insert into invoice_line (id, organization_id, location_id, invoice_id, position, charge_id,
  service_on, code, item_class, quantity, unit_price, amount, tax_rule_id, tax_rate, tax)
values (%(line)s, %(org)s, %(loc)s, %(invoice)s, 1, %(id)s, %(on)s, 'TOX-GLAB', 'cosmetic_service', 1, 1200000,
  %(cents)s, %(id)s, 0, 0)"""


def _pay(cursor: Cursor, about: dict[str, Any]) -> None:
    cursor.execute(b"select * from invoice where id = %(invoice)s for update", about).fetchone()
    cursor.execute(b"update invoice set open = 0, version = 2 where id = %(invoice)s", about)
    cursor.execute(_PAYMENT, about)
    cursor.execute(_ALLOCATION, about | {"line": new_id()})
    _post(cursor, about, "payment", ["1000", "1200"])


_PAYMENT = b"""insert into patient_payment (id, organization_id, location_id, legal_entity_id, account_id,
  account_number, method, received_on, received_by, amount, unallocated, refunded, version)
values (%(payment)s, %(org)s, %(loc)s, %(entity)s, %(account_id)s, 'BENCH', 'card', %(on)s, %(entity)s,
  %(cents)s, 0, 0, 1)"""
_ALLOCATION = b"""insert into patient_payment_allocation (id, organization_id, location_id, payment_id, invoice_id,
  amount, allocated_at) values (%(line)s, %(org)s, %(loc)s, %(payment)s, %(invoice)s, %(cents)s, %(at)s)"""


def _post(cursor: Cursor, about: dict[str, Any], kind: str, accounts: list[str]) -> None:
    """A journal entry of two lines, and the two events of the transaction."""
    entry = {"entry": new_id(), "kind": kind, "source": about[kind], "accounts": accounts}
    entry |= {"lines": [new_id(), new_id()], "locations": [about["loc"]] * 2}
    cursor.execute(_POSTED, about | entry).fetchone()
    cursor.execute(_PERIOD, about).fetchone()
    entry["number"] = f"BENCH-{_next(cursor, about, 'BENCH-JE'):06d}"
    cursor.execute(_ENTRY, about | entry)
    for event in ("billing.journal_entry.posted", f"billing.{kind}.told"):
        tell(cursor, event, entry["entry"], about["org"], about["loc"])


_POSTED = b"""select * from journal_entry where organization_id = %(org)s and legal_entity_id = %(entity)s
  and source_type = %(kind)s and source_id = %(source)s"""
_PERIOD = b"""select status from accounting_period where organization_id = %(org)s and legal_entity_id = %(entity)s
  and starts_on = date_trunc('month', %(on)s::date) for share"""
_ENTRY = b"""with entry as (
  insert into journal_entry (id, organization_id, legal_entity_id, number, posted_on, fact_on, source_type, source_id,
    memo, total, line_count, posted_by, posted_at)
  values (%(entry)s, %(org)s, %(entity)s, %(number)s, %(on)s, %(on)s, %(kind)s, %(source)s, 'Bench', %(cents)s, 2,
    %(entity)s, %(at)s) returning id
), line as (
  insert into journal_line (id, organization_id, legal_entity_id, entry_id, position, posted_on, account_code,
    location_id, debit, credit)
  select l.id, %(org)s, %(entity)s, entry.id, l.position, %(on)s, l.account, l.location,
    case l.position when 1 then %(cents)s else 0 end, case l.position when 2 then %(cents)s else 0 end
  from entry, unnest(%(lines)s::uuid[], %(accounts)s::text[], %(locations)s::uuid[]) with ordinality
    as l(id, account, location, position)
) select id from entry"""


def _next(cursor: Cursor, about: dict[str, Any], prefix: str) -> int:
    return next_number(cursor, about["org"], about["entity"], prefix)
