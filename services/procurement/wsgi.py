"""The app, built at import for gunicorn."""

from services.procurement.app import create
from shared.settings import load

app = create(load("procurement"))
