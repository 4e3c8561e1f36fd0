"""Patient accounts: sealed fields, a pseudonymous number, and what may be shown of them."""

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.billing.sealing import FieldKeys
from shared.db import Base, HasId, LocationOwned, OrganizationOwned, Versioned
from shared.errors import Forbidden
from shared.identity import Context


class PatientDataClosed(Forbidden):
    """Patient accounts are closed to this role."""


class Purpose(StrEnum):
    """Why patient data is looked at (45 CFR 164.506(c), 164.524)."""

    TREATMENT = "treatment"
    PAYMENT = "payment"
    OPERATIONS = "operations"
    PATIENT_REQUEST = "patient_request"


# Who may see patient data at all, by plane; the gateway adds the purpose grant and the business-associate agreement.
MAY_SEE = {
    "clinical": frozenset({"clinical_entity_owner", "medical_director", "provider", "clinical_system"}),
    "business": frozenset({"biller", "front_desk"}),
}


def check_may_see(context: Context) -> None:
    """The service's own check, should the door be wrong. Raises PatientDataClosed."""
    if not MAY_SEE[context.plane] & context.roles:
        raise PatientDataClosed("Work with the account number instead.", policy="service.patient-data")


@dataclass(frozen=True, slots=True, repr=False)
class Details:
    """Who a patient account is about. Exists in memory only; has no repr, so that no log or error can quote it."""

    external_id: str
    name: str
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    payer_name: str | None = None
    payer_member_id: str | None = None

    def changed(self, changes: dict[str, str | None]) -> "Details":
        """The same with some fields replaced."""
        return Details(**{**asdict(self), **changes})


DETAIL_NAMES = tuple(field.name for field in fields(Details))


def mask(name: str) -> str:
    """`J*** D***` for Jane Doe: the initials, and nothing of how long the name is."""
    return " ".join(f"{word[0]}***" for word in name.split())


class PatientAccount(HasId, LocationOwned, Versioned, Base):
    """What one patient owes at one site. `number` is its pseudonym, the only name the business side works with.

    The name is sealed by itself, so that a masked list opens nothing else.
    """

    __tablename__ = "patient_account"
    __table_args__ = (
        UniqueConstraint(
            "organization_id",
            "location_id",
            "legal_entity_id",
            "source_system",
            "external_index",
            name="uq_patient_account_patient",
        ),
        UniqueConstraint("organization_id", "legal_entity_id", "number"),
        Index("ix_patient_account_location_id_id", "location_id", "id"),
    )

    legal_entity_id: Mapped[UUID]
    number: Mapped[str]
    source_system: Mapped[str]
    external_index: Mapped[bytes] = mapped_column(LargeBinary)
    name_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    details_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    key_version: Mapped[int]

    def __repr__(self) -> str:
        return f"PatientAccount({self.number})"

    def seal(self, keys: FieldKeys, details: Details) -> None:
        """Put `details` away under the newest key. The row has its id and organization already."""
        # One version for the whole row, also when the keyring changes meanwhile.
        version, organization = keys.newest, self.organization_id
        rest = json.dumps({name: value for name, value in asdict(details).items() if name != "name"})
        self.name_sealed = keys.seal(organization, "patient_account.name", self.id, details.name, version)
        self.details_sealed = keys.seal(organization, "patient_account.details", self.id, rest, version)
        self.external_index = keys.index(organization, index_place(self.source_system), details.external_id, version)
        self.key_version = version

    def name(self, keys: FieldKeys) -> str:
        return keys.unseal(self.organization_id, "patient_account.name", self.id, self.name_sealed)

    def reveal(self, keys: FieldKeys) -> Details:
        """Everything the account knows of the patient."""
        rest = keys.unseal(self.organization_id, "patient_account.details", self.id, self.details_sealed)
        return Details(name=self.name(keys), **json.loads(rest))


def index_place(source_system: str) -> str:
    """What the blind index of an external patient id is bound to."""
    return f"patient_account.external_id/{source_system}"


class FieldKeyUse(OrganizationOwned, Base):
    """An organization has rows sealed with this key version; only then may rotation skip it or a key be dropped."""

    __tablename__ = "field_key_use"
    __platform__ = True

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    key_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
