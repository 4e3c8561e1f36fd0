"""Who works at which site."""
