"""What must hold in the databases whatever happened: wholes have all their parts, stock is its moves, books balance."""

from decimal import Decimal
from typing import Any

from shared.settings import SERVICES
from tests.proof.faults.world import World, pretty

# Service, what is wrong with the rows it returns, query. A right platform returns none.
NEVER = (
    (
        "procurement",
        "a requisition without its lines, or with another total",
        "select r.number from requisition r left join requisition_line l on l.requisition_id = r.id"
        " group by r.id having count(l.id) = 0 or sum(l.amount) <> r.total",
    ),
    (
        "procurement",
        "an approved requisition without an order",
        "select number from requisition r where status = 'approved'"
        " and not exists (select from purchase_order o where o.requisition_id = r.id)",
    ),
    (
        "procurement",
        "an order whose lines do not sum to its total",
        "select o.number from purchase_order o left join purchase_order_line l on l.order_id = o.id"
        " group by o.id having count(l.id) = 0 or sum(l.amount) <> o.total",
    ),
    (
        "procurement",
        "a receipt whose lines do not sum to its amount",
        "select r.number from goods_receipt r left join goods_receipt_line l on l.receipt_id = r.id"
        " group by r.id having count(l.id) = 0 or sum(l.amount) <> r.amount",
    ),
    (
        "procurement",
        "an order line that counts other goods than its receipts",
        "select o.number, p.received from purchase_order_line p join purchase_order o on o.id = p.order_id"
        " left join goods_receipt_line l on l.order_line_id = p.id"
        " group by o.id, p.id having coalesce(sum(l.base_quantity), 0) <> p.received",
    ),
    (
        "procurement",
        "a received line that is not one move of stock",
        "select l.id from goods_receipt_line l left join stock_move m on m.receipt_line_id = l.id"
        " and m.quantity = l.base_quantity and m.value = l.amount group by l.id having count(m.id) <> 1",
    ),
    (
        "procurement",
        "stock below zero",
        "select item_id, lot from stock_move group by location_id, item_id, lot having sum(quantity) < 0",
    ),
    (
        "procurement",
        "a bill without its lines",
        "select number from vendor_bill b where not exists (select from vendor_bill_line l where l.bill_id = b.id)",
    ),
    (
        "hr",
        "an active employment of a site without its assignment",
        "select id from employment e where status = 'active'"
        " and not exists (select from site_assignment a where a.employment_id = e.id)",
    ),
    (
        "hr",
        "a credential without the verification it came with",
        "select c.id from credential c left join credential_verification v on v.credential_id = c.id"
        " group by c.id having count(v.id) <> 1",
    ),
    (
        "billing",
        "an invoice whose lines do not sum to its total",
        "select i.number from invoice i left join invoice_line l on l.invoice_id = i.id"
        " group by i.id having count(l.id) = 0 or sum(l.amount + l.tax) <> i.total",
    ),
    (
        "billing",
        "a charge that stands on no invoice, or on two",
        "select c.id from charge c left join invoice_line l on l.charge_id = c.id group by c.id"
        " having count(l.id) <> case when c.status = 'invoiced' then 1 else 0 end",
    ),
    (
        "billing",
        "a payment that is not what was allocated of it and what is left",
        "select p.id from patient_payment p left join patient_payment_allocation a on a.payment_id = p.id"
        " group by p.id having coalesce(sum(a.amount), 0) + p.unallocated <> p.amount",
    ),
    (
        "billing",
        "an invoice that is open by another amount than is not paid",
        "select i.number from invoice i left join patient_payment_allocation a on a.invoice_id = i.id"
        " group by i.id having i.total - coalesce(sum(a.amount), 0) <> i.open",
    ),
    (
        "billing",
        "an entry whose debits are not its credits",
        "select e.number from journal_entry e left join journal_line l on l.entry_id = e.id"
        " group by e.id having count(l.id) <> e.line_count or sum(l.debit) <> e.total or sum(l.credit) <> e.total",
    ),
    (
        "billing",
        "an invoice or a payment that is not one entry in the books",
        "select s.id from (select id, 'invoice' as kind from invoice union all select id, 'payment'"
        " from patient_payment) s left join journal_entry e on e.source_id = s.id and e.source_type = s.kind"
        " group by s.id having count(e.id) <> 1",
    ),
    (
        "gateway",
        "an event that stands in the trail twice",
        "select event_id from audit_entry group by event_id having count(*) > 1",
    ),
)
# Rows of a table, and the event that each of them told once.
TOLD_ONCE = (
    ("procurement", "goods_receipt", "procurement.receipt.posted"),
    ("procurement", "purchase_order", "procurement.order.placed"),
    ("billing", "journal_entry", "billing.journal_entry.posted"),
    ("billing", "invoice", "billing.invoice.issued"),
    ("billing", "patient_payment", "billing.payment.received"),
    ("hr", "employment", "hr.employment.proposed"),
    ("hr", "credential", "hr.credential.recorded"),
)
_NUMBERS = (
    ("procurement", "goods_receipt"),
    ("procurement", "requisition"),
    ("procurement", "purchase_order"),
    ("billing", "invoice"),
    ("billing", "journal_entry"),
)
_KNOWN = "select id, seen_version, name from known_location"
_SITES = "select location_id as id, version as seen_version, name from location"


def check(world: World) -> list[str]:
    """What does not hold."""
    found = [f"{words}: {pretty(rows)}" for service, words, query in NEVER if (rows := world.ask(service, query))]
    return [*found, *_told(world), *_gaps(world), *_copies(world), *_ledger(world), *_counted(world)]


def _told(world: World) -> list[str]:
    found = []
    for service, table, kind in TOLD_ONCE:
        query = (
            f"select coalesce(t.id::text, e.aggregate_id) as id, t.id is null as no_row, count(e.sequence) as events"
            f" from {table} t full join (select * from event_log where type = '{kind}') e"
            " on e.aggregate_id = t.id::text group by t.id, e.aggregate_id"
            " having t.id is null or count(e.sequence) <> 1"
        )
        if rows := world.ask(service, query):
            found.append(f"{table} and {kind} do not match: {pretty(rows)}")
    return found


def _gaps(world: World) -> list[str]:
    """Numbers of a series follow each other without a gap."""
    found = []
    for service, table in _NUMBERS:
        query = (
            "select organization_id, legal_entity_id, regexp_replace(number, '[0-9]+$', '') as series,"
            " count(*) as there, max(substring(number from '[0-9]+$')::int) as last"
            f" from {table} group by 1, 2, 3 having count(*) <> max(substring(number from '[0-9]+$')::int)"
        )
        found += [f"{table} skips a number: {pretty(row)}" for row in world.ask(service, query)]
    return found


def _copies(world: World) -> list[str]:
    """Every service knows each site in its newest version."""
    sites = {(row["id"], row["seen_version"], row["name"]) for row in world.ask("gateway", _SITES)}
    found = []
    for service in SERVICES[1:]:
        known = {(row["id"], row["seen_version"], row["name"]) for row in world.ask(service, _KNOWN)}
        if known != sites:
            found.append(f"{service} knows other sites: {pretty(sorted(known ^ sites, key=str)[:4])}")
    return found


def _sums(world: World, service: str, query: str) -> dict[Any, Decimal]:
    """Legal entity -> cents, without zeros."""
    return {row["entity"]: row["cents"] for row in world.ask(service, query) if row["cents"]}


def _balance(world: World, account: str) -> dict[Any, Decimal]:
    query = (
        "select legal_entity_id as entity, sum(debit - credit) as cents from journal_line"
        f" where account_code = '{account}' group by 1"
    )
    return _sums(world, "billing", query)


# What an account of the ledger must come to, by legal entity: account, service that knows, query.
RECONCILED = (
    (
        "1300",
        "procurement",
        "select legal_entity_id as entity, sum(value) as cents from stock_move where item_class <> 'business'"
        " group by 1",
    ),
    (
        "2100",
        "procurement",
        "select entity, sum(cents) as cents from ("
        " select legal_entity_id as entity, -amount as cents from goods_receipt union all"
        " select legal_entity_id, accrued from vendor_bill where status = 'approved') s group by 1",
    ),
    (
        "2000",
        "procurement",
        "select legal_entity_id as entity, -sum(total) as cents from vendor_bill where status = 'approved' group by 1",
    ),
    ("1200", "billing", "select legal_entity_id as entity, sum(open) as cents from invoice group by 1"),
    ("2400", "billing", "select legal_entity_id as entity, -sum(unallocated) as cents from patient_payment group by 1"),
    ("1000", "billing", "select legal_entity_id as entity, sum(amount) as cents from patient_payment group by 1"),
)


def _ledger(world: World) -> list[str]:
    """Goods received not invoiced, inventory, payables, receivables, deposits, cash: books and facts say the same."""
    found = []
    for account, service, query in RECONCILED:
        books, facts = _balance(world, account), _sums(world, service, query)
        if books != facts:
            found.append(f"account {account} is {pretty(list(books.items()))}, {service} says {list(facts.items())}")
    whole = world.ask("billing", "select sum(debit) as debit, sum(credit) as credit from journal_line")[0]
    if whole["debit"] != whole["credit"]:
        found.append(f"debits {whole['debit']}, credits {whole['credit']}")
    return found


def _counted(world: World) -> list[str]:
    """Counted in the sequencer, so counted once however often it died."""
    query = (
        "select f.type, f.told, count(e.sequence) as events from site_fact f left join event_log e on e.type = f.type"
        " and coalesce(e.location_id, '00000000-0000-0000-0000-000000000000') = f.location_id"
        " and e.organization_id = f.organization_id group by f.organization_id, f.location_id, f.type, f.told"
        " having f.told <> count(e.sequence)"
    )
    return [f"{service} counts {pretty(rows)}" for service, rows in world.ask_all(query).items() if rows]
