"""Franchise organizations: the tenants."""
