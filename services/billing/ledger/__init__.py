"""The double-entry books of each legal entity."""
