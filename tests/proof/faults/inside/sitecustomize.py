"""Loaded by each process of a platform under test (PYTHONPATH): faults that no signal can make.

FAULTS_FILE names a JSON file: `clock` steps the product's clock by so many seconds; a worker whose consumer is
`poison.consumer` is killed by the event that the request `poison.request` caused.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any


def _faults() -> dict[str, Any]:
    try:
        return dict(json.loads(Path(os.environ["FAULTS_FILE"]).read_text()))
    except (KeyError, OSError):
        return {}


def _step_the_clock() -> None:
    from shared import clock

    offset = clock._offset

    def stepped() -> Any:
        os.environ["CLOCK_OFFSET_SECONDS"] = str(_faults().get("clock", 0))
        return offset()

    clock._offset = stepped


def _let_poison_kill() -> None:
    from shared import consume, fence

    handle = consume.handle

    def handle_or_die(session: Any, subscriber: Any, deliveries: Any) -> None:
        poison = _faults().get("poison")
        about = [delivery.envelope.correlationid for delivery in deliveries if delivery.envelope]
        if poison and poison["consumer"] == subscriber.consumer and poison["request"] in about:
            os.kill(os.getpid(), signal.SIGKILL)
        handle(session, subscriber, deliveries)

    consume.handle = fence.handle = handle_or_die  # type: ignore[attr-defined]


if "FAULTS_FILE" in os.environ:
    if "worker" in sys.orig_argv:
        _let_poison_kill()
    if {"services", "gunicorn"} & set(sys.orig_argv):
        _step_the_clock()
