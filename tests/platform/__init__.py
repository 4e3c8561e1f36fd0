"""Tests of how the platform is run."""
