"""Shifts in the time of their site: drafted, checked, published."""
