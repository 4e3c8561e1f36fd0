"""Users: people and machine clients."""
