"""Tests of the gateway's directory."""
