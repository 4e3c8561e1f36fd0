"""The bus: events on their way from the services that tell to those that hear."""

from deploy.grafana.panels import Dashboard, Query, Row, bad_from, figure, good_from, lines, table

_NOW = Row(
    "Now",
    (
        figure(
            "Dead letters",
            "sum(max by (consumer) (partywall_events_dead))",
            "They wait for a person.",
            steps=bad_from(1),
        ),
        figure(
            "Parked", "sum(max by (consumer) (partywall_events_parked))", "They wait for a retry.", steps=bad_from(1)
        ),
        figure(
            "Oldest event not yet out",
            "max(partywall_outbox_age_seconds)",
            unit="s",
            steps=bad_from(60),
        ),
        figure("Furthest behind", "max(partywall_feed_lag)", "Events still to pull.", steps=bad_from(5000)),
        figure(
            "Services with a relay",
            "count(sum by (publisher) (partywall_relay_is_leader) > 0)",
            "Each service needs one.",
            steps=good_from(4),
        ),
        figure("Told, 1 h", "sum(increase(partywall_events_published_total[1h]))"),
    ),
)

_OUT = Row(
    "Out of the services",
    (
        lines(
            "Events sequenced",
            Query("sum by (publisher) (rate(partywall_events_published_total[$__rate_interval]))", "{{publisher}}"),
            unit="ops",
        ),
        lines(
            "Events confirmed by the broker",
            Query("sum by (publisher) (rate(partywall_events_confirmed_total[$__rate_interval]))", "{{publisher}}"),
            says="Empty where no broker is used.",
            unit="ops",
        ),
        lines("Events not yet out", Query("max by (publisher) (partywall_outbox_pending)", "{{publisher}}")),
        lines(
            "Age of the oldest of them",
            Query("max by (publisher) (partywall_outbox_age_seconds)", "{{publisher}}"),
            unit="s",
        ),
        lines("Workers that lead", Query("sum by (publisher) (partywall_relay_is_leader)", "{{publisher}}")),
    ),
)

_IN = Row(
    "Into the services",
    (
        lines(
            "Events applied",
            Query(
                "sum by (consumer, publisher) (rate(partywall_events_applied_total[$__rate_interval]))",
                "{{publisher}} to {{consumer}}",
            ),
            unit="ops",
        ),
        lines(
            "How far behind",
            Query("max by (consumer, publisher) (partywall_feed_lag)", "{{publisher}} to {{consumer}}"),
            says="The publisher's head minus the feed's cursor. With a broker the cursor follows every 45 s.",
        ),
        lines("Parked", Query("max by (consumer) (partywall_events_parked)", "{{consumer}}")),
        lines("Dead letters", Query("max by (consumer) (partywall_events_dead)", "{{consumer}}")),
        table("What is told, 1 h", "topk(20, sum by (type) (increase(partywall_business_facts_total[1h])) > 0)"),
    ),
)

BUS = Dashboard("bus", "bus", "Events on their way between the services.", (_NOW, _OUT, _IN))
