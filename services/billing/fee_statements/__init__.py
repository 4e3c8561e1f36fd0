"""The management fee of an agreement for a month, with its working."""
