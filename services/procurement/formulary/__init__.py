"""Which clinical items a clinical entity has approved."""
