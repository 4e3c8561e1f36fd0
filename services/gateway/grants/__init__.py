"""Grants: a role over a scope for a time."""
