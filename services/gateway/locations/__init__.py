"""Locations: the med spas."""
