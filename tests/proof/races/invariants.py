"""What must hold whatever raced: numbers without gaps, sums that agree, nothing below zero, nothing twice."""

from tests.proof.races.ground import Ground
from tests.proof.races.race import Broken

# Each query names what is wrong; no row is how it must be.
_GAPS = """select s.prefix || '-' || s.year as series, s.last, count(d.number) as documents
    from number_series s left join ({documents}) d
      on d.owner_id = s.owner_id and d.number = s.prefix || '-' || s.year || '-' || lpad(right(d.number, 6), 6, '0')
    where s.prefix {prefixes} group by s.id having count(distinct d.number) <> s.last or count(d.number) <> s.last"""

PROCUREMENT = {
    "numbers of requisitions, orders and receipts have no gap": _GAPS.format(
        documents="select number, location_id as owner_id from requisition union all select number, legal_entity_id"
        " from purchase_order union all select number, legal_entity_id from goods_receipt",
        prefixes="is not null",
    ),
    "an order line's received quantity is what its receipts say": """select l.id from purchase_order_line l
        left join goods_receipt_line r on r.order_line_id = l.id group by l.id, l.received
        having l.received <> coalesce(sum(r.base_quantity), 0)""",
    "stock of every lot is at least zero at every moment": """select 1 from (select sum(quantity) over
        (partition by location_id, item_id, lot order by id) as on_hand from stock_move) m where on_hand < 0""",
    "an approved requisition has its orders, another has none": """select r.id from requisition r
        where (r.status = 'approved') <> exists (select 1 from purchase_order o where o.requisition_id = r.id)""",
    "an open bill's vendor and number are its own": """select vendor_id, number from vendor_bill
        where status <> 'cancelled' group by vendor_id, number having count(*) > 1""",
}
BILLING = {
    "numbers of invoices, credit notes, statements and entries have no gap": _GAPS.format(
        documents="select number, legal_entity_id as owner_id from invoice union all select number, legal_entity_id"
        " from credit_note union all select number, legal_entity_id from journal_entry union all"
        " select number, legal_entity_id from fee_statement",
        prefixes="in ('INV', 'CN', 'JE', 'FS')",
    ),
    "debits equal credits in every entry": """select entry_id from journal_line
        group by entry_id having sum(debit) <> sum(credit)""",
    "a source stands once in a set of books": """select 1 from journal_entry
        group by legal_entity_id, source_type, source_id having count(*) > 1""",
    "an invoice is open for its total less credits and payments": """select i.id from invoice i where i.open <> i.total
        - coalesce((select sum(total) from credit_note c where c.invoice_id = i.id), 0)
        - coalesce((select sum(amount) from patient_payment_allocation a where a.invoice_id = i.id), 0)""",
    "a payment lies on invoices, on account, or went back": """select p.id from patient_payment p
        where p.amount <> p.unallocated + p.refunded
        + coalesce((select sum(amount) from patient_payment_allocation a where a.payment_id = p.id), 0)""",
    "receivables are what is open on invoices": """select b.legal_entity_id from (select legal_entity_id,
        sum(debit) - sum(credit) as balance from journal_line where account_code = '1200' group by 1) b
        where b.balance <>
        (select coalesce(sum(open), 0) from invoice i where i.legal_entity_id = b.legal_entity_id)""",
    "a charge stands on one invoice, and on the one it names": """select c.id from charge c where c.invoice_id is not
        null and not exists (select 1 from invoice_line l where l.charge_id = c.id and l.invoice_id = c.invoice_id)""",
}
HR = {
    "nobody is on two rosters at once": """select 1 from shift a
        join shift b on a.person_id = b.person_id and a.id < b.id
        where a.status = 'published' and b.status = 'published'
        and a.starts_at < b.ends_at and b.starts_at < a.ends_at""",
}
GATEWAY = {
    "a site has one signed agreement at a time": """select 1 from management_agreement a
        join management_agreement b on a.id < b.id and a.location_ids && b.location_ids
        where a.status = 'signed' and b.status = 'signed' and a.starts_on <= coalesce(b.ends_on, 'infinity')
        and b.starts_on <= coalesce(a.ends_on, 'infinity')""",
}
ALL = {"procurement": PROCUREMENT, "billing": BILLING, "hr": HR, "gateway": GATEWAY}


def check(ground: Ground) -> int:
    """Ask every question; how many there were. Raises Broken."""
    for service, queries in ALL.items():
        for words, query in queries.items():
            if wrong := ground.rows(service, query):
                raise Broken(f"{service}: not true that {words}: {wrong[:5]}")
    return sum(len(queries) for queries in ALL.values())
