"""Grafana dashboards, written from code: `python -m deploy.grafana` leaves them in `dashboards/` as JSON."""
