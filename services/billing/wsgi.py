"""The app that gunicorn serves."""

from services.billing.app import create
from shared.settings import load

app = create(load("billing"))
