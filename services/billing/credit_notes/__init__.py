"""Credit notes: the only way to lower an issued invoice."""
