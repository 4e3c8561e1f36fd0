"""The limits on employers, and the clearances of people who work for both sides."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from services.hr.people.models import PersonOwned
from shared.db import Base, HasId
from shared.errors import Conflict, Forbidden, Invalid


class ClinicianEmployedByBusiness(Forbidden):
    """A clinician is employed by the clinical entity, not by the business side."""


class HeldForCounsel(Conflict):
    """No known rule decides this; counsel must look at it first."""


class DualRoleBarred(Forbidden):
    """Nobody stands on both sides of the wall here unless the clinical entity's owner cleared it."""


class NotPractisingThere(Conflict):
    """This clinical entity does not practise at that site."""


class NoAgreementThere(Conflict):
    """This company has no management agreement in force at that site."""


class SiteClosed(Conflict):
    """This site is closed."""


class DeciderUnclear(Invalid):
    """Name the sites of one clinical entity: its owner selects the clinician."""


class DualRoleClearance(HasId, PersonOwned, Base):
    """The owner of a clinical entity cleared (or barred again) a person who also works for the business side.

    The newest record of an entity counts.
    """

    __tablename__ = "dual_role_clearance"
    __append_only__ = True

    legal_entity_id: Mapped[UUID]
    cleared: Mapped[bool]
    reason: Mapped[str]
    decided_by: Mapped[UUID]
    decided_at: Mapped[datetime]
