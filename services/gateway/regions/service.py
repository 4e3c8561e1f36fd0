"""Name regions."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.regions.models import Region
from shared.db import lock
from shared.identity import Context
from shared.pagination import Page, page


def create(session: Session, context: Context, name: str) -> Region:
    """A new region, without locations yet."""
    region = Region(organization_id=context.organization_id, name=name)
    session.add(region)
    session.flush()
    return region


def rename(session: Session, region_id: UUID, name: str) -> Region:
    """Another name; grants over the region stay."""
    region = lock(session, Region, region_id)
    region.name = name
    session.flush()
    return region


def list_regions(session: Session, *, limit: int, cursor: str | None) -> Page[Region]:
    """Regions by name."""
    return page(session, select(Region), [Region.name, Region.id], limit=limit, cursor=cursor, descending=False)
