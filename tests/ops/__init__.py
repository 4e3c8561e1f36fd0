"""Tests of what watches the platform and what brings it back."""
