"""Races over HTTP: many at once at one thing, one effect each, no deadlock, over many rounds (`make prove-races`)."""
