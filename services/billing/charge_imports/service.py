"""Take a file of charges in: each charge once, whatever is sent again, and a reason for each row that is not taken."""

import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.billing.accounts import service as accounts
from services.billing.accounts.service import Place
from services.billing.charge_imports.models import ChargeImport
from services.billing.charge_imports.rules import MOST, Fault, Line, Plan
from services.billing.sealing import FieldKeys
from shared import directory
from shared.amounts import cents, ten_thousandths
from shared.clock import now, today
from shared.contracts.billing import ChargesImported
from shared.ids import new_id
from shared.outbox import emit
from shared.pagination import Page, page

# Arrays, so that a statement is the same whatever the number of rows: one of twenty parameters a row is compiled, sent
# and remembered anew for each file.
_BOOKED = text(
    """select source_id, fingerprint from charge
    where source_system = :source_system and source_id = any(cast(:source_ids as text[]))"""
)
_ROWS = {
    "id": "uuid",
    "account_id": "uuid",
    "source_id": "text",
    "fingerprint": "bytea",
    "service_on": "date",
    "code_system": "text",
    "code": "text",
    "modifiers": "text",  # separated by blanks: an array of arrays has to be a matrix
    "diagnosis_codes": "text",
    "item_class": "text",
    "quantity": "numeric",
    "unit_price": "bigint",
    "amount": "bigint",
}
_BOOK = text(
    f"""insert into charge (organization_id, location_id, legal_entity_id, import_id, source_system, status, version,
      {", ".join(_ROWS)})
    select :organization_id, :location_id, :legal_entity_id, :import_id, :source_system, 'billable', 1, id, account_id,
      source_id, fingerprint, service_on, code_system, code, string_to_array(modifiers, ' '),
      string_to_array(diagnosis_codes, ' '), item_class, quantity, unit_price, amount
    from unnest({", ".join(f"cast(:{name} as {kind}[])" for name, kind in _ROWS.items())}) as c({", ".join(_ROWS)})
    on conflict do nothing
    returning source_id"""
)


def preview(
    session: Session, keys: FieldKeys, place: Place, source_system: str, lines: list[Line], faults: list[Fault]
) -> dict[str, Any]:
    """What would become of a file; changes nothing."""
    plan = _plan(session, keys, place, source_system, lines)
    return {"id": None, "source_system": source_system, "imported_at": None, **plan.outcome(faults)}


def take_in(
    session: Session,
    keys: FieldKeys,
    place: Place,
    source_system: str,
    content: bytes,
    lines: list[Line],
    faults: list[Fault],
) -> tuple[ChargeImport, bool]:
    """Import a file; gives what became of it, and whether it is new. The same faultless file again gives the first."""
    accounts.one_at_a_time(session, place)
    file_hash = hashlib.sha256(content).digest()
    earlier = _earlier(session, place, source_system, file_hash)
    if earlier is not None:
        return earlier, False
    plan = _plan(session, keys, place, source_system, lines)
    made = ChargeImport(
        id=new_id(),
        organization_id=place.organization_id,
        location_id=place.location_id,
        legal_entity_id=place.legal_entity_id,
        source_system=source_system,
        file_hash=file_hash,
        imported_at=now(),
    )
    _book(session, keys, place, made, plan)
    for name, value in plan.outcome(faults).items():
        setattr(made, name, value)
    session.add(made)
    session.flush()
    _tell(session, made)
    return made, True


def _earlier(session: Session, place: Place, source_system: str, file_hash: bytes) -> ChargeImport | None:
    """The import of this very file, if every row of it was taken; else what was amiss may be mended by now."""
    query = select(ChargeImport).where(
        ChargeImport.location_id == place.location_id,
        ChargeImport.source_system == source_system,
        ChargeImport.file_hash == file_hash,
        ChargeImport.rejected == 0,
    )
    return session.execute(query).scalars().first()


def _plan(session: Session, keys: FieldKeys, place: Place, source_system: str, lines: list[Line]) -> Plan:
    # What the first row says of a patient counts.
    plan = Plan({line.patient.external_id: line.patient for line in reversed(lines) if line.patient.name})
    known = accounts.known(session, keys, place, source_system, {line.patient.external_id for line in lines})
    booked = _booked(session, source_system, [line.source_id for line in lines])
    day = today(directory.location(session, place.location_id).time_zone)
    for line in lines:
        account = known.get(line.patient.external_id)
        first = plan.fresh.get(line.source_id)
        if first is not None:
            plan.again(line, first.says_the_same(line), "Another row of this file has this id and says something else.")
        elif line.source_id in booked:
            same = account is not None and booked[line.source_id] == line.fingerprint(account.id)
            plan.again(line, same, "It was sent before and said something else; its provider corrects it.")
        elif line.service_on > day:
            plan.refuse(line, "service_on", "It is a day to come.")
        elif line.amount > MOST:
            plan.refuse(line, "quantity", f"Quantity times price is above {MOST}.")
        elif account is None and line.patient.external_id not in plan.named:
            plan.refuse(line, "patient_name", "This patient has no account here yet: send the name.")
        else:
            plan.fresh[line.source_id] = line
    return plan


def _booked(session: Session, source_system: str, source_ids: list[str]) -> dict[str, bytes]:
    return dict(session.execute(_BOOKED, {"source_system": source_system, "source_ids": source_ids}).all())


def _book(session: Session, keys: FieldKeys, place: Place, made: ChargeImport, plan: Plan) -> None:
    """Write the fresh lines. One whose id another site of the entity has already used becomes a fault."""
    owners = _accounts(session, keys, place, made.source_system, plan)
    rows = [_row(line, owners[line.patient.external_id]) for line in plan.fresh.values()]
    values = {
        "organization_id": place.organization_id,
        "location_id": place.location_id,
        "legal_entity_id": place.legal_entity_id,
        "import_id": made.id,
        "source_system": made.source_system,
        **{name: [row[name] for row in rows] for name in _ROWS},
    }
    taken = set(session.execute(_BOOK, values).scalars())
    for source_id in plan.fresh.keys() - taken:
        plan.refuse(plan.fresh.pop(source_id), "source_id", "Another site of this entity has sent this id.")


def _accounts(session: Session, keys: FieldKeys, place: Place, source_system: str, plan: Plan) -> dict[str, UUID]:
    """The account of each patient of the fresh lines, opened where there is none."""
    wanted = {line.patient.external_id: None for line in plan.fresh.values()}
    known = accounts.known(session, keys, place, source_system, wanted)
    owners = {external_id: account.id for external_id, account in known.items()}
    for external_id in wanted:
        if external_id not in owners:
            details = plan.named[external_id]
            owners[external_id] = accounts.make(session, keys, place, source_system, details).id
    return owners


def _row(line: Line, account_id: UUID) -> dict[str, Any]:
    return {
        "id": new_id(),
        "account_id": account_id,
        "source_id": line.source_id,
        "fingerprint": line.fingerprint(account_id),
        "service_on": line.service_on,
        "code_system": line.code_system,
        "code": line.code,
        "modifiers": " ".join(line.modifiers),
        "diagnosis_codes": " ".join(line.diagnosis_codes),
        "item_class": line.item_class,
        "quantity": line.quantity,
        "unit_price": ten_thousandths(line.unit_price),
        "amount": cents(line.amount),
    }


def _tell(session: Session, made: ChargeImport) -> None:
    fact = ChargesImported(
        import_id=made.id,
        legal_entity_id=made.legal_entity_id,
        location_id=made.location_id,
        accepted=made.accepted,
        repeated=made.repeated,
        amount=made.amount,
    )
    emit(session, fact, made)


def listing(session: Session, *, limit: int, cursor: str | None) -> Page[ChargeImport]:
    """Imports in scope, newest first."""
    return page(session, select(ChargeImport), [ChargeImport.id], limit=limit, cursor=cursor)
