"""What prose cannot hold: every route, table and event keeps the house rules."""
