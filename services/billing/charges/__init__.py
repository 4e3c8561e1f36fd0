"""Charges: what was done and what it costs, as the clinical system says."""
