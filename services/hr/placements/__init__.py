"""Placing employees at the sites of their employer."""
