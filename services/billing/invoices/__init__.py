"""Invoices: numbered, immutable once issued."""
