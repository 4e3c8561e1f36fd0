"""Alembic's entry point; shared.migrate does the work."""

from shared.migrate import run_environment

run_environment()
