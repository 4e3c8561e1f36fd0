"""Closing the months of the books."""
