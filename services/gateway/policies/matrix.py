"""The access matrix: what the policies let every role do, written out so that a change of policy shows as a diff."""

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from services.gateway.catalogue import operations
from services.gateway.catalogue.operations import Catalogue, Operation
from services.gateway.policies.engine import Engine
from services.gateway.policies.engine import load as load_engine
from services.gateway.policies.facts import Facts
from services.gateway.roles import ROLES, Role
from services.gateway.rules import dataset

PAGE = Path("docs/access-matrix.md")

# What each relation between a role and a place looks like to the policies, from the most to the least that is given.
_EVERY_SERVICE = frozenset({"procurement", "hr", "billing", "bookkeeping"})
SETTLED = Facts(
    "business",
    frozenset(),
    needs_agreement=True,
    agreement_in_force=True,
    agreement_services=_EVERY_SERVICE,
    baa=True,
    purpose_grant=True,
)
NO_PURPOSE = replace(SETTLED, purpose_grant=False)
NO_ASSOCIATE = replace(SETTLED, baa=False)
ENDED = replace(SETTLED, agreement_in_force=False, winding_down=True)
NEVER = replace(SETTLED, agreement_in_force=False, agreement_services=frozenset())

ALWAYS, AGREED, PURPOSE, ENDING, NO = "yes", "msa", "phi", "end", "."
_REACH = {
    "location": {"organization", "region", "location", "legal_entity"},
    "entity": {"organization", "legal_entity"},
    "network": {"organization", "region", "location", "legal_entity"},
    "organization": {"organization"},
}
_SHORT = {
    "franchise_admin": "admin",
    "network_buyer": "buyer",
    "people_partner": "people",
    "biller": "biller",
    "controller": "contr.",
    "compliance_officer": "compl.",
    "location_manager": "manager",
    "front_desk": "desk",
    "auditor": "audit",
    "ops": "ops",
    "wind_down": "wind",
    "clinical_entity_owner": "OWNER",
    "medical_director": "DIRECTOR",
    "provider": "PROVIDER",
    "clinical_system": "SYSTEM",
}

HEAD = """# Access matrix

Written from the policies by `python -m services matrix`; a test keeps it equal to them. Rows are operations, columns
roles (business in lower case, CLINICAL in capitals), each judged at a place its grants cover, on its own plane.

| cell | the role may do it |
|---|---|
| `yes` | at any time |
| `msa` | only while a management services agreement in force there covers the service (an MSO's own books need none) |
| `phi` | as `msa`, and only under a purpose grant and a business-associate agreement in force |
| `end` | only after the agreement ended (wind-down) |
| `.` | never |

What holds for every cell, whatever it says:

| relation of the caller to the place | answer |
|---|---|
| a location or entity that no grant of theirs covers, of another organization, or that does not exist | 404 |
| covered, but by roles of the other plane only | 403, and which plane to sign in to |
| covered, but the policies say no | 403 with policy, why, source and who can |
| network | only the sites and entities where the cell holds; none: 403 |
| a grant that has not begun, has ended or was revoked | as if it was not there |

Columns after the operation: plane (b business, c clinical, any), scopes (l location, e entity, n network,
o organization), `w` writes, `R` reserved decision, `P` patient-level data, `C` clinical data.
"""


def cell(engine: Engine, operation: Operation, role: Role) -> str:
    """What `role` may do of `operation`, as a word of the legend."""
    if not reaches(operation, role):
        return NO

    def may(facts: Facts) -> bool:
        return engine.decide(operation, facts.of_role(role.name)).allowed

    if operation.service == "gateway" or operation.scopes == {"organization"}:
        return ALWAYS if may(replace(NEVER, needs_agreement=False)) else _guarded(may)
    if may(NEVER) and may(ENDED):
        return ALWAYS if may(NO_PURPOSE) and may(NO_ASSOCIATE) else PURPOSE
    if may(ENDED):
        return ENDING
    return _guarded(may)


def _guarded(may: Callable[[Facts], bool]) -> str:
    if not may(SETTLED):
        return NO
    return AGREED if may(NO_PURPOSE) and may(NO_ASSOCIATE) else PURPOSE


def reaches(operation: Operation, role: Role) -> bool:
    """Whether some grant of `role` can cover one of the scopes of `operation`."""
    return any(_REACH[scope] & role.over for scope in operation.scopes)


def idle(engine: Engine, catalogue: Catalogue) -> list[tuple[str, str]]:
    """(operation, role) that a policy permits although no grant of the role can ever cover the operation's scopes."""
    return [
        (operation.name, role.name)
        for operation in catalogue.operations
        for role in ROLES.values()
        if not reaches(operation, role)
        and engine.decide(operation, replace(SETTLED, needs_agreement=False).of_role(role.name)).allowed
    ]


def committed() -> tuple[Engine, Catalogue]:
    """The engine and the catalogue as they stand in the repository."""
    entries = dataset.entries(dataset.versions()[-1])
    deciders = {entry.key: entry.body["decides"] for entry in entries if entry.kind == "reserved_decision"}
    return load_engine(), operations.load(deciders)


def write(root: Path) -> None:
    """Write the page below `root`."""
    (root / PAGE).write_text(render(*committed()))


def render(engine: Engine, catalogue: Catalogue) -> str:
    """The whole page."""
    sections = [HEAD]
    for service, rows_of in groupby(catalogue.operations, key=lambda operation: operation.service):
        rows = [_row(engine, operation) for operation in rows_of]
        sections.append("\n".join([f"## {service}", "", *_table_head(), *rows]) + "\n")
    return "\n".join(sections)


def _table_head() -> list[str]:
    names = ["operation", "plane", "scopes", "", *(_SHORT[name] for name in ROLES)]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


def _row(engine: Engine, operation: Operation) -> str:
    marks = "".join(
        mark
        for mark, holds in (
            ("w", operation.writes),
            ("R", operation.reserved is not None),
            ("P", operation.data_class == "patient_account"),
            ("C", operation.data_class == "clinical"),
        )
        if holds
    )
    plane = {"business": "b", "clinical": "c", "any": "any"}[operation.plane]
    scopes = "".join(kind[0] for kind in _REACH if kind in operation.scopes)
    name = operation.name.partition(".")[2]
    cells = [cell(engine, operation, role) for role in ROLES.values()]
    return "| " + " | ".join([f"`{name}`", plane, scopes, marks, *cells]) + " |"
