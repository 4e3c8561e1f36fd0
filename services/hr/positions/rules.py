"""What the credential data says of a position: whether it is clinical, and what it must hold to work in a state."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from shared import rules
from shared.clock import now
from shared.rules import Rule, RuleUnknown

PERSONAL = ("lic.", "cert.")
ROLE_WORK = "role_work"
EXCLUSION = "check.exclusion"


class Position(StrEnum):
    """The roles of the training and credential data that a person can be employed as."""

    PHYSICIAN = "physician"
    NP = "np"
    PA = "pa"
    RN = "rn"
    LPN = "lpn"
    MEDICAL_ASSISTANT = "medical_assistant"
    AESTHETICIAN = "aesthetician"
    LASER_TECHNICIAN = "laser_technician"
    FRONT_DESK = "front_desk"
    PRACTICE_MANAGER = "practice_manager"
    MSO_STAFF = "mso_staff"
    MSO_PROCUREMENT = "mso_procurement"
    MSO_BILLING = "mso_billing"
    MSO_MARKETING = "mso_marketing"
    MSO_HR = "mso_hr"
    MSO_IT = "mso_it"
    CLINICAL_ENTITY_OWNER = "clinical_entity_owner"
    MEDICAL_DIRECTOR = "medical_director"


class Exposure(StrEnum):
    """What somebody meets at work, which decides their training."""

    BLOODBORNE = "bloodborne"
    HAZARDOUS_CHEMICALS = "hazardous_chemicals"
    LASER_OR_ENERGY_DEVICE = "laser_or_energy_device"
    PHI_ACCESS = "phi_access"
    CONTROLLED_SUBSTANCES = "controlled_substances"
    RESPIRATOR_USE = "respirator_use"
    SUPERVISES_PEOPLE = "supervises_people"
    IV_THERAPY = "iv_therapy"


@dataclass(frozen=True, slots=True)
class Need:
    """One thing a position must hold: any of `kinds` will do."""

    kinds: tuple[str, ...]
    title: str
    sources: tuple[str, ...]
    per_state: bool


def kinds(session: Session) -> list[Rule]:
    """The credential kinds in force. Raises RuleUnknown where none are: nothing may pass for lack of rules."""
    found = rules.rules(session, "credential", now().date())
    if not found:
        raise RuleUnknown("The credential rules are not loaded.")
    return found


def is_clinical(position: str, credential_kinds: Sequence[Rule]) -> bool:
    """Whether the position is a clinician's: its own licence or certificate is marked `clinical` in the data.

    A licence is a position's own where that position stands first among its holders (an RN may be laser safety officer,
    but that certificate does not make a practice manager a clinician).
    """
    own = [kind for kind in credential_kinds if kind.key.startswith(PERSONAL) and _holders(kind)[0] == position]
    return any(kind.body["clinical"] for kind in own)


def needs(position: str, state: str, credential_kinds: Sequence[Rule]) -> list[Need]:
    """What blocks the role's work when it lapses (`block_when_lapsed: role_work`), as groups of alternatives.

    Several licences for one position are alternatives (MD or DO; aesthetician or cosmetologist); everything else is
    needed by itself. The exclusion check stands apart (it is asked of everybody).
    """
    asked = [kind for kind in credential_kinds if _asked(kind, position, state)]
    licences = [kind for kind in asked if kind.key.startswith("lic.")]
    others = [kind for kind in asked if not kind.key.startswith("lic.")]
    groups = ([licences] if licences else []) + [[kind] for kind in others]
    return [_need(group) for group in groups]


def exclusion_kind(credential_kinds: Sequence[Rule]) -> Rule:
    """The rule of the OIG/SAM exclusion check. Raises RuleUnknown."""
    found = next((kind for kind in credential_kinds if kind.key == EXCLUSION), None)
    if found is None:
        raise RuleUnknown(f"There is no credential rule {EXCLUSION!r}.")
    return found


def sources(kind: Rule) -> tuple[str, ...]:
    """Where a credential rule comes from, the rule's own key first."""
    return tuple(text for text in (f"credential:{kind.key}@{kind.dataset_version}", kind.body.get("source")) if text)


def _asked(kind: Rule, position: str, state: str) -> bool:
    applies_in = kind.body.get("applies_in")
    here = not isinstance(applies_in, list) or state in applies_in
    return kind.body["block_when_lapsed"] == ROLE_WORK and position in _holders(kind) and here


def _holders(kind: Rule) -> list[str]:
    return list(kind.body["holder_roles"])


def _need(group: list[Rule]) -> Need:
    return Need(
        kinds=tuple(kind.key for kind in group),
        title=" or ".join(str(kind.body["title"]) for kind in group),
        sources=tuple(source for kind in group for source in sources(kind)),
        per_state=bool(group[0].body["per_state"]),
    )
