"""Hypothesis drives the services through chains of requests and compares each answer with a model of a few lines."""
