"""The SQL of issuing an invoice: one statement reads what it is made from, one writes all of it."""

from services.billing.ledger.posting import MONTH, numbered, posted_with
from shared.sql import Sql

# A row for each charge that waits and each tax rule that may apply to it, and one without a charge where none waits.
# Of the rules the last one wins: a locality's after its state's, a later day after an earlier one, a correction at the
# end.
_WAITING = """
with waiting as (
  select id, service_on, item_class, quantity, unit_price, amount from charge
  where account_id = :account_id and status = 'billable'
    and (cast(:charge_ids as uuid[]) is null or id = any(cast(:charge_ids as uuid[])))
  order by id {lock}
)
select a.number, a.legal_entity_id, s.time_zone, s.state, s.locality, w.id, w.item_class, w.quantity, w.unit_price,
  w.amount, r.id as rule_id, r.effective_from, r.rate
from patient_account a
left join known_location s on s.id = a.location_id
left join waiting w on true
left join tax_rule r on r.state = s.state and r.locality in ('', coalesce(s.locality, ''))
  and r.item_class = w.item_class and r.effective_from <= :latest
where a.id = :account_id
order by w.service_on, w.id, r.locality, r.effective_from, r.revision
"""
WAITING = Sql(_WAITING.format(lock=""))
# Who waits for a charge sees what the one before left: one that was billed meanwhile is not given.
WAITING_HELD = Sql(_WAITING.format(lock="for update"))


def _issued(cause: str) -> str:
    """The expressions that number and write an invoice, its lines and that its charges, which are held, are billed.

    From the number on everybody who invoices for this entity waits for this transaction.
    """
    return f"""{numbered("series", "INV", cause)}, issued as (
  insert into invoice (id, version, organization_id, location_id, legal_entity_id, account_id, account_number, number,
    issued_on, due_on, subtotal, tax, total, open)
  select :invoice_id, 1, :organization_id, :location_id, :legal_entity_id, :account_id, :account_number, series.number,
    :issued_on, :due_on, :subtotal, :tax, :total, :total
  from series
  returning id, number
), billed as (
  update charge set status = 'invoiced', invoice_id = issued.id, version = version + 1
  from issued where charge.id = any(cast(:charge_ids as uuid[]))
  returning charge.id, service_on, code, item_class, quantity, unit_price, amount
), line as (
  insert into invoice_line (id, organization_id, location_id, invoice_id, position, charge_id, service_on, code,
    item_class, quantity, unit_price, amount, tax_rule_id, tax_rate, tax)
  select l.id, :organization_id, :location_id, :invoice_id, l.position, b.id, b.service_on, b.code, b.item_class,
    b.quantity, b.unit_price, b.amount, l.tax_rule_id, l.tax_rate, l.tax
  from billed b join jsonb_to_recordset(cast(:lines as jsonb))
    as l(id uuid, position int, charge_id uuid, tax_rule_id uuid, tax_rate numeric, tax bigint) on l.charge_id = b.id
)"""


_MEMO = "cast(:entry_memo as text) || ' ' || issued.number"
ISSUE = Sql(f"""with {MONTH}, {_issued("month")}, {posted_with("issued", _MEMO)}
select issued.number, entry.number as entry_number from issued, entry""")
# What comes to nothing is not booked.
ISSUE_FREE = Sql(f"with once as (select 1), {_issued('once')} select number from issued")
