"""Who buys what: the split of an approved requisition into purchase orders."""

from collections.abc import Iterable
from typing import Protocol, TypeVar
from uuid import UUID

from services.procurement.catalog.rules import CLINICAL


class Wanted(Protocol):
    """What the split must know of a line."""

    @property
    def item_class(self) -> str: ...

    @property
    def vendor_id(self) -> UUID: ...


Line = TypeVar("Line", bound=Wanted)


def split(lines: Iterable[Line], clinical_entity: UUID, mso: UUID | None) -> dict[tuple[UUID, UUID], list[Line]]:
    """Lines by (buying legal entity, vendor), in a stable order.

    Clinical classes are bought by the clinical entity. Business items are bought by the MSO whose agreement in force
    covers procurement, else (`mso` None) by the clinical entity.
    """
    parts: dict[tuple[UUID, UUID], list[Line]] = {}
    for line in lines:
        buyer = mso if mso and line.item_class not in CLINICAL else clinical_entity
        parts.setdefault((buyer, line.vendor_id), []).append(line)
    # One order of locks on the number series, whoever approves at the same moment.
    return dict(sorted(parts.items()))
