"""Regions: named groups of locations that grants may cover."""
