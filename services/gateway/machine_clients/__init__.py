"""Machine clients and their API keys."""
