"""Figures of the event machinery; a worker process refreshes the gauges when it is scraped."""

from prometheus_client import Counter, Gauge

PUBLISHED = Counter("partywall_events_published_total", "Events sequenced into the log", ["publisher"])
CONFIRMED = Counter("partywall_events_confirmed_total", "Events the broker confirmed", ["publisher"])
APPLIED = Counter("partywall_events_applied_total", "Events applied for the first time", ["consumer", "publisher"])
PARKED = Gauge("partywall_events_parked", "Events that wait for a retry", ["consumer"])
DEAD = Gauge("partywall_events_dead", "Events that wait for a person", ["consumer"])
OUTBOX_PENDING = Gauge("partywall_outbox_pending", "Events not yet sequenced, or not yet confirmed", ["publisher"])
OUTBOX_AGE = Gauge("partywall_outbox_age_seconds", "Age of the oldest of those", ["publisher"])
FEED_LAG = Gauge("partywall_feed_lag", "Publisher's head minus feed cursor", ["consumer", "publisher"])
IS_LEADER = Gauge("partywall_relay_is_leader", "1 where this process sequences", ["publisher"])
