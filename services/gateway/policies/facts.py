"""The facts of one request that policies may see."""

from dataclasses import dataclass, replace
from typing import Any

from services.gateway.catalogue.operations import Operation
from services.gateway.roles import ROLES, Plane


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a caller at a place, on one plane, today. `roles` are those of that plane only."""

    plane: Plane
    roles: frozenset[str]
    person: bool = True
    needs_agreement: bool = False
    agreement_in_force: bool = False
    agreement_services: frozenset[str] = frozenset()
    winding_down: bool = False
    baa: bool = False
    purpose_grant: bool = False

    def of_role(self, role: str) -> "Facts":
        """The same place, seen by somebody who holds just `role`."""
        return replace(self, plane=ROLES[role].plane, roles=frozenset({role}), person=not ROLES[role].machine)

    def record(self, operation: Operation) -> dict[str, Any]:
        """The Cedar context record (schema.cedarschema, type Facts)."""
        return {
            "roles": sorted(self.roles),
            "plane": self.plane,
            "person": self.person,
            "operation": {
                "service": operation.service,
                "plane": operation.plane,
                "reserved": operation.reserved is not None,
                "decider": operation.decider,
                "data_class": operation.data_class,
                "writes": operation.writes,
            },
            "needs_agreement": self.needs_agreement,
            "agreement": {"in_force": self.agreement_in_force, "services": sorted(self.agreement_services)},
            "winding_down": self.winding_down,
            "baa": self.baa,
            "purpose_grant": self.purpose_grant,
        }
