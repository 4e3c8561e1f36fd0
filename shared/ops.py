"""A worker's own small HTTP server: /livez, /readyz and /metrics, never reachable through the gateway."""

import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

from shared import logging
from shared.metrics import registry

STALE = Counter("partywall_stale_scrapes_total", "Scrapes whose gauges could not be brought up to date")
Faults = Callable[[], dict[str, str]]
log = logging.get(__name__)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A scraper that lost patience and hung up is no fault of ours.
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            log.error("operations request failed", exc_info=error)


def serve_ops(host: str, port: int, dead: Faults, unready: Faults, measure: Callable[[], None]) -> ThreadingHTTPServer:
    """Serve in a daemon thread; the port is in `server_port` (0 chooses one). `measure` runs before each scrape."""

    class Ops(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._metrics()
            elif self.path in ("/livez", "/readyz"):
                failed = (dead if self.path == "/livez" else unready)()
                good = "alive" if self.path == "/livez" else "ready"
                body = {"status": f"not {good}" if failed else good, "failed": failed}
                self._answer(503 if failed else 200, "application/json", orjson.dumps(body))
            else:
                self._answer(404, "text/plain", b"")

        def _metrics(self) -> None:
            try:
                measure()
            except Exception as error:
                # Counters are still worth having while the database is away.
                STALE.inc()
                log.warning("gauges are old", exc_info=error)
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry()))

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Health checks are not worth a line each."""

    server = _Server((host, port), Ops)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="ops", daemon=True).start()
    return server
