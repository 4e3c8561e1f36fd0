"""What an entity's numbers and state must look like."""

from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.us import ein

# The 50 states and the District of Columbia (USPS codes), as the rules dataset has them.
_CODES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY"
)
STATES = frozenset(_CODES.split())
# The card-issuer prefix of United States health identifiers; an NPI's check digit counts it in (45 CFR 162.406).
_NPI_PREFIX = "80840"


def is_ein(text: str) -> bool:
    """An employer identification number with a prefix that the IRS gives out, `12-3456789`."""
    return bool(ein.is_valid(text))


def is_npi(text: str) -> bool:
    """A national provider identifier: ten digits, the last a Luhn check digit over 80840 and the rest."""
    if len(text) != 10 or not text.isascii() or not text.isdigit() or text[0] not in "12":
        return False
    try:
        luhn.validate(_NPI_PREFIX + text)
    except ValidationError:
        return False
    return True
