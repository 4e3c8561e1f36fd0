"""Refunds: never more than was paid; clinical ones are the medical director's decision."""
