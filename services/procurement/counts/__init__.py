"""Counting stock."""
