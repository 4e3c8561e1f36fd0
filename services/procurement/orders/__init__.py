"""Purchase orders to vendors."""
