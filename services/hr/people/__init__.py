"""People and who may see them."""
