"""Payments, what they are allocated to, and the day's takings."""
