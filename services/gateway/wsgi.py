"""The app that gunicorn serves."""

from services.gateway.app import create
from shared.settings import load

app = create(load("gateway"))
