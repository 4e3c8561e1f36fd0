"""Management services agreements."""
