"""Business-associate agreements, 45 CFR 164.504(e)."""
