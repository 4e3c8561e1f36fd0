"""Catalogue and vendors from and to CSV."""
