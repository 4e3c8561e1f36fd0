"""What a charge is for, as far as the books and the tax office care."""

from enum import StrEnum


class ItemClass(StrEnum):
    """The class decides tax and revenue account; it says nothing of the treatment."""

    PROFESSIONAL_SERVICE = "professional_service"
    COSMETIC_SERVICE = "cosmetic_service"
    DRUG = "drug"
    RETAIL = "retail"
