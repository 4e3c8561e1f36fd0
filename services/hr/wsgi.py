"""The app, built at import for gunicorn."""

from services.hr.app import create
from shared.settings import load

app = create(load("hr"))
