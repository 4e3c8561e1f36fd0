"""What a vendor's facts must look like, however they come in."""

from dataclasses import dataclass

from stdnum.exceptions import ValidationError
from stdnum.us import ein, rtn

from shared.errors import Invalid


class BadTaxId(Invalid):
    """This is not an employer identification number."""


class BadRoutingNumber(Invalid):
    """This is not a bank routing number: nine digits with a check digit (ABA)."""


@dataclass(frozen=True, slots=True)
class VendorFacts:
    """What a vendor is described by. `terms_days`: days from the bill's date until it is due."""

    code: str
    name: str
    email: str | None = None
    phone: str | None = None
    street: str | None = None
    locality: str | None = None
    state: str | None = None
    postal_code: str | None = None
    terms_days: int = 30
    tax_id: str | None = None


def tax_id(text: str | None) -> str | None:
    """An EIN in its usual form `12-3456789`. Raises BadTaxId (IRS prefixes are checked)."""
    if not text:
        return None
    try:
        return str(ein.format(ein.validate(text)))
    except ValidationError as error:
        raise BadTaxId("Write it as 12-3456789.") from error


def routing_number(text: str) -> str:
    """Nine digits whose check digit holds. Raises BadRoutingNumber."""
    try:
        return str(rtn.validate(text))
    except ValidationError as error:
        raise BadRoutingNumber("Check it against the vendor's letter.") from error
