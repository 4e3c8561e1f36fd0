"""The SQL of receiving a payment: one statement holds what it may settle, one writes all of it."""

from services.billing.ledger.posting import MONTH, posted_with
from shared.sql import Sql

# A row for each invoice, locked, and one without an invoice where there is none. Everybody locks in the same order, so
# nobody waits in a circle.
_HELD = """
with held as (
  select id, account_id, number, open from invoice where {which} order by id for update
)
select a.number as account_number, a.legal_entity_id, s.time_zone, h.id, h.account_id, h.number, h.open
from patient_account a
left join known_location s on s.id = a.location_id
left join held h on true
where a.id = :account_id
order by h.id
"""
OPEN = Sql(_HELD.format(which="account_id = :account_id and open > 0"))
NAMED = Sql(_HELD.format(which="id = any(cast(:invoice_ids as uuid[]))"))

RECEIVE = Sql(f"""with {MONTH}, settled as (
  update invoice set open = open - s.amount, version = version + 1
  from month, unnest(cast(:invoice_ids as uuid[]), cast(:amounts as bigint[])) as s(invoice_id, amount)
  where invoice.id = s.invoice_id
), received as (
  insert into patient_payment (id, version, organization_id, location_id, legal_entity_id, account_id, account_number,
    method, reference, received_on, received_by, amount, unallocated, refunded)
  select :payment_id, 1, :organization_id, :location_id, :legal_entity_id, :account_id, :account_number, :method,
    cast(:reference as text), :received_on, :received_by, :amount, :unallocated, 0
  from month
  returning id
), allocated as (
  insert into patient_payment_allocation (id, organization_id, location_id, payment_id, invoice_id, amount,
    allocated_at)
  select s.id, :organization_id, :location_id, received.id, s.invoice_id, s.amount, :allocated_at
  from received, unnest(cast(:allocation_ids as uuid[]), cast(:invoice_ids as uuid[]), cast(:amounts as bigint[]))
    as s(id, invoice_id, amount)
), {posted_with("received")}
select entry.number as entry_number from entry""")
