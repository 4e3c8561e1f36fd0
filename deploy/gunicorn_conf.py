"""Gunicorn for every service: gunicorn -c python:deploy.gunicorn_conf services.<service>.wsgi:app.

Settings come from the environment as everywhere; BIND overrides HOST and PORT (fd://3: a socket that is open already).
"""

import gc
import os
import signal
import threading
import time
from types import FrameType

from deploy.web_worker import Worker, shares
from shared import logging, metrics
from shared.web.stopping import stopping

host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
ops_port = int(os.environ.get("OPS_PORT", "0"))

bind = os.environ.get("BIND", f"{host}:{port}")
workers = int(os.environ.get("WEB_WORKERS", "1"))
shares.expect(workers)
worker_class = "deploy.web_worker.Worker"
threads = int(os.environ.get("THREADS", "16"))
preload_app = True
keepalive = 75  # longer than the gateway keeps idle connections, so that it never sends into a closing one
timeout = 60
graceful_timeout = 20
# A context token names each site of its scope in 52 bytes: room for a thousand. Strangers reach only the gateway.
limit_request_field_size = 8190 if os.environ.get("SERVICE", "gateway") == "gateway" else 64 * 1024
errorlog = "-"
loglevel = "warning"
control_socket_disable = True  # it would write into the home folder
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 (heartbeats need no disk)

# Before the app is loaded: from its first line on, logs hold allowed fields only.
logging.configure(os.environ.get("SERVICE", "web"), os.environ.get("LOG_LEVEL", "INFO").upper())

# Also before, and by the master only: what is there now belongs to workers of an earlier life.
metrics.clean_multiprocess_folder()


def pre_fork(server: object, worker: Worker) -> None:
    """What is loaded stays: the collector need not look through it, nor touch the pages that workers share."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Worker) -> None:
    """Let long polls end when the worker is told to stop, and expose the metrics."""
    finish = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        if callable(finish):
            finish(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)
    if ops_port:
        threading.Thread(target=_serve_metrics, name="metrics", daemon=True).start()


def _serve_metrics() -> None:
    """One of the workers serves the metrics of all; when it dies, the next that tries takes the port."""
    while True:
        try:
            return metrics.serve(ops_port, host)
        except OSError:
            time.sleep(5)


def child_exit(server: object, worker: Worker) -> None:
    """Forget the gauges and the connections of a dead worker."""
    shares.free(worker.slot)
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
