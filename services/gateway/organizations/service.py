"""Register and read the organization."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.gateway.organizations.models import Organization
from shared.clock import now
from shared.contracts.gateway import OrganizationRegistered
from shared.db import get
from shared.outbox import emit


def register(session: Session, organization_id: UUID, *, slug: str, name: str, currency: str) -> Organization:
    """A new franchise brand; its transaction has the scope of `organization_id`."""
    organization = Organization(
        organization_id=organization_id, slug=slug, name=name, currency=currency, registered_at=now()
    )
    session.add(organization)
    session.flush()
    fact = OrganizationRegistered(organization_id=organization_id, name=name, currency=currency)
    emit(session, fact, organization)
    return organization


def read(session: Session, organization_id: UUID) -> Organization:
    """Raises NotFound."""
    return get(session, Organization, organization_id)
