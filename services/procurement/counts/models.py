"""What can be wrong with a count."""

from shared.errors import Invalid


class CostUnknown(Invalid):
    """Nothing tells what this stock cost; say the cost of a unit."""
