"""The audit trail: every event, hash-chained per organization; and the register of reserved decisions."""
