"""Goods that arrived."""
