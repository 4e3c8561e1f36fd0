"""What the credential data asks of a record: who can hold it, where, until when."""

from datetime import date
from typing import Any

from services.hr.positions.rules import EXCLUSION, Position
from services.hr.training.rules import add_months, period_months
from shared.errors import Invalid

NPI = "id.npi1"
NUMBERED = ("lic.", "reg.", "id.")
EVERYBODY = ("all staff", "owners")


class NotHeldByPeople(Invalid):
    """People do not hold this kind of credential."""


class ConfidentialMedicalRecord(Invalid):
    """This belongs in the confidential employee medical file (29 CFR 1910.1020), not here."""


class StateNeeded(Invalid):
    """This kind is issued by a state."""


class StateNotKnown(Invalid):
    """This kind is not issued by a state."""


class NumberNeeded(Invalid):
    """This kind has a number."""


class ExpiryNeeded(Invalid):
    """This kind lapses: say when."""


class BadPeriod(Invalid):
    """The dates do not fit each other."""


def check_holder(kind: str, body: dict[str, Any]) -> None:
    """Raises NotHeldByPeople, ConfidentialMedicalRecord."""
    if kind.startswith("health."):
        raise ConfidentialMedicalRecord("Record that the offer was made as training osha.hbv_offer.")
    holders = set(body["holder_roles"])
    if not holders & ({str(position) for position in Position} | set(EVERYBODY)):
        raise NotHeldByPeople(f"It is held by {', '.join(sorted(holders))}.")


def check_place(body: dict[str, Any], state: str | None) -> None:
    """Raises StateNeeded, StateNotKnown."""
    if body["per_state"] and state is None:
        raise StateNeeded("Name the state that issued it.")
    if not body["per_state"] and state is not None:
        raise StateNotKnown("Leave the state out.")


def check_number(kind: str, number: str | None) -> None:
    """Raises NumberNeeded."""
    if kind.startswith(NUMBERED) and number is None:
        raise NumberNeeded("Send its number.")


def last_day(kind: str, body: dict[str, Any], issued_on: date, expires_on: date | None, today: date) -> date | None:
    """The last day it counts; None where it does not lapse. Raises ExpiryNeeded, BadPeriod.

    The issuer's own date wins. A check ends after its period at the latest (the exclusion lists change monthly).
    """
    if issued_on > today or (expires_on is not None and expires_on < issued_on):
        raise BadPeriod(f"Issued on {issued_on}, expires on {expires_on}; today is {today}.")
    if kind == EXCLUSION:
        longest = add_months(issued_on, period_months(str(body["renewal"])) or 1)
        return min(longest, expires_on or longest)
    if expires_on is None and body["block_when_lapsed"] != "none":
        raise ExpiryNeeded(f"It is renewed: {body['renewal']}.")
    return expires_on
