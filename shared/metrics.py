"""Prometheus metrics: requests by route template and status class; a registry that is right under several workers."""

import os
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter("partywall_http_requests_total", "Requests answered", ["service", "method", "route", "status"])
LATENCY = Histogram("partywall_http_request_seconds", "Time to answer", ["service", "method", "route"], buckets=BUCKETS)
BUSINESS = Counter("partywall_business_facts_total", "Facts told, by type", ["service", "type"])


def observe_request(service: str, method: str, route: str, status: int, seconds: float) -> None:
    """Count one answered request. `route` is the template, never the path: ids must not become labels."""
    REQUESTS.labels(service, method, route, f"{status // 100}xx").inc()
    LATENCY.labels(service, method, route).observe(seconds)


def registry() -> CollectorRegistry:
    """What this process should expose: its own metrics, or those of all workers that share a multiprocess folder."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    collected = CollectorRegistry()
    MultiProcessCollector(collected)  # type: ignore[no-untyped-call]
    return collected


def clean_multiprocess_folder() -> None:
    """Remove the files of dead workers: they never go away by themselves and would be counted for ever."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for file in Path(folder).glob("*.db"):
            file.unlink(missing_ok=True)


def serve(port: int, host: str = "127.0.0.1") -> None:
    """Expose /metrics on its own port, in a daemon thread."""
    start_http_server(port, addr=host, registry=registry())
