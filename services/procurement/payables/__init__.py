"""Vendors' bills and the three-way match."""
