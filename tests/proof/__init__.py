"""Proofs: each a make command that tries to break what the product promises, and says how hard it tried."""
