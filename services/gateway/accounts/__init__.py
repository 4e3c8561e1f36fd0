"""Local accounts: passwords and what guards them."""
