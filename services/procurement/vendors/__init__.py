"""Whom the franchise buys from."""
