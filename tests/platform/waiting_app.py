"""A small WSGI app with what matters to the server: a long poll, a counted request, and whose process answered."""

import os
import time

from flask import Flask

from shared.metrics import observe_request
from shared.web.stopping import stopping

app = Flask("waiting", static_folder=None)


@app.get("/poll")
def poll() -> str:
    """Waits like a feed: until the process is told to stop."""
    began = time.monotonic()
    stopping.wait(30)
    return f"{time.monotonic() - began:.1f}"


@app.get("/slow")
def slow() -> str:
    """A request that needs its time, stop or no stop."""
    time.sleep(1.5)
    return "done"


@app.get("/count")
def count() -> str:
    observe_request("hr", "GET", "/count", 200, 0.01)
    return str(os.getpid())
