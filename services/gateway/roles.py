"""The roles of the first release: what each is for, its plane, what it may be granted over. One page of data."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Plane = Literal["business", "clinical"]
ScopeKind = Literal["organization", "region", "location", "legal_entity"]

PLANES: tuple[Plane, ...] = ("business", "clinical")
SCOPE_KINDS: tuple[ScopeKind, ...] = ("organization", "region", "location", "legal_entity")


@dataclass(frozen=True, slots=True)
class Role:
    """A role: `over` says which kinds of scope it may be granted over; `machine` that only machine clients hold it."""

    name: str
    plane: Plane
    title: str
    purpose: str
    over: frozenset[ScopeKind]
    machine: bool = False


def _role(
    plane: Plane, name: str, title: str, purpose: str, *over: ScopeKind, machine: bool = False
) -> tuple[str, Role]:
    return name, Role(name, plane, title, purpose, frozenset(over), machine)


_SITES: tuple[ScopeKind, ...] = ("organization", "region", "location")
_BOOKS: tuple[ScopeKind, ...] = ("organization", "region", "location", "legal_entity")

# Clinical deciders are never granted over a whole organization: a decision belongs to one clinical entity.
ROLES: MappingProxyType[str, Role] = MappingProxyType(
    dict(
        (
            _role("business", "franchise_admin", "franchise administrator", "runs the directory", "organization"),
            _role("business", "network_buyer", "network buyer", "buys for many sites", "organization", "region"),
            _role("business", "people_partner", "people partner", "administers people", *_BOOKS),
            _role("business", "biller", "biller", "invoices and collects", *_BOOKS),
            _role("business", "controller", "controller", "keeps the books", "organization", "legal_entity"),
            _role("business", "compliance_officer", "compliance officer", "watches the wall", "organization"),
            _role("business", "location_manager", "location manager", "runs a site", *_SITES),
            _role("business", "front_desk", "front desk", "receives people and goods", "location"),
            _role("business", "auditor", "auditor", "reads, never writes", *_BOOKS),
            _role("business", "ops", "operations engineer", "sees metrics only", "organization"),
            _role("business", "wind_down", "wind-down steward", "reads after an agreement ended", *_BOOKS),
            _role("clinical", "clinical_entity_owner", "owner", "decides for the entity", "legal_entity"),
            _role("clinical", "medical_director", "medical director", "answers for the care", "legal_entity"),
            _role("clinical", "provider", "licensed provider", "treats patients", "legal_entity", "location"),
            _role(
                "clinical",
                "clinical_system",
                "clinical system",
                "sends charges",
                "legal_entity",
                "location",
                machine=True,
            ),
        )
    )
)

# The words of the reserved-decisions dataset, and the role that speaks for them.
DECIDERS: MappingProxyType[str, str] = MappingProxyType(
    {
        "clinical_entity_owner": "clinical_entity_owner",
        "medical_director": "medical_director",
        "licensed_provider": "provider",
    }
)

# Which service of an agreement's scope opens which service of the platform to the business plane. The same is written
# as policy in policies/wall.cedar; a test keeps both equal.
AGREEMENT_SERVICES: MappingProxyType[str, frozenset[str]] = MappingProxyType(
    {
        "procurement": frozenset({"procurement"}),
        "hr": frozenset({"hr"}),
        "billing": frozenset({"billing", "bookkeeping"}),
    }
)


def of_plane(plane: Plane) -> tuple[Role, ...]:
    """The roles of one plane, in the order of this page."""
    return tuple(role for role in ROLES.values() if role.plane == plane)
