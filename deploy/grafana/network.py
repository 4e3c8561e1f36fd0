"""The network: what people outside meet, what the business does, and what it all stands on."""

from deploy.grafana.panels import AMBER, GREEN, RED, Dashboard, Query, Row, bad_from, figure, good_from, lines, table

_DOOR = 'service="gateway", route=~"/v1/.+"'
_BUCKETS = f"sum by (le) (rate(partywall_http_request_seconds_bucket{{{_DOOR}}}[$__rate_interval]))"


def _per_hour(noun: str) -> Query:
    return Query(f"sum(increase(partywall_site_{noun}_total[1h]))", noun.replace("_", " "))


_PROMISES = Row(
    "What people outside meet",
    (
        figure(
            "Answered without an error of ours, 1 h",
            "1 - partywall:http_errors:ratio_rate1h",
            "Promised: 99.9 %",
            unit="percentunit",
            steps=good_from(0.999),
        ),
        figure(
            "Answered within a second, 1 h",
            "1 - partywall:http_slow:ratio_rate1h",
            "Promised: 99 %",
            unit="percentunit",
            steps=good_from(0.99),
        ),
        figure(
            "Error budget left, 3 d",
            "1 - partywall:http_errors:ratio_rate3d / 0.001",
            "1: nothing spent. 0: as much went wrong in three days as may go wrong in three days.",
            unit="percentunit",
            steps=((None, RED), (0, AMBER), (0.5, GREEN)),
        ),
        figure("Alerts", 'count(ALERTS{alertstate="firing"}) or vector(0)', steps=bad_from(1)),
        figure("Processes up", 'sum(up{job=~"partywall-.+"})'),
        figure("Open sites", "count(count by (site) (partywall_site_info))"),
        lines(
            "Requests at the door",
            Query(f"sum by (status) (rate(partywall_http_requests_total{{{_DOOR}}}[$__rate_interval]))", "{{status}}"),
            unit="reqps",
        ),
        lines(
            "Time to answer at the door",
            *(Query(f"histogram_quantile({share}, {_BUCKETS})", f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)),
            unit="s",
        ),
        lines(
            "Time until a service began to answer, p95",
            Query(
                "histogram_quantile(0.95, sum by (le, service) (rate(partywall_hop_seconds_bucket[$__rate_interval])))",
                "{{service}}",
            ),
            says="As the door sees it.",
            unit="s",
        ),
        table(
            "Routes that take the most time, 1 h",
            "topk(15, sum by (service, method, route)"
            ' (increase(partywall_http_request_seconds_sum{route!="/internal/events"}[1h])))',
            "Seconds spent in the hour, all answers together.",
            unit="s",
        ),
        table(
            "Errors of ours, 1 h",
            'sum by (service, method, route) (increase(partywall_http_requests_total{status="5xx"}[1h])) > 0',
        ),
    ),
)

_BUSINESS = Row(
    "The business",
    (
        lines(
            "Buying, per hour",
            *map(_per_hour, ("orders", "receipts", "vendor_bills")),
            says="Facts of all sites. One site: the dashboard of that name.",
        ),
        lines("Earning, per hour", *map(_per_hour, ("invoices", "payments", "fee_statements"))),
        lines("People, per hour", _per_hour("shifts")),
        table(
            "Facts told, 1 h",
            "topk(20, sum by (type) (increase(partywall_business_facts_total[1h])) > 0)",
        ),
        table(
            "Busiest sites by orders, 1 d",
            "topk(10, sum by (site) (increase(partywall_site_orders_total[1d])))"
            " * on (site) group_left (code, name) max by (site, code, name) (partywall_site_info)",
        ),
    ),
)

_GROUND = Row(
    "What it stands on",
    (
        lines(
            "Database connections lent",
            Query(
                "sum by (service) (partywall_db_pool_in_use) / sum by (service) (partywall_db_pool_size)", "{{service}}"
            ),
            says="Share of the connections the pools may open.",
            unit="percentunit",
        ),
        lines(
            "Time until a connection was lent, p99",
            Query(
                "histogram_quantile(0.99, sum by (le, service)"
                " (rate(partywall_db_pool_wait_seconds_bucket[$__rate_interval])))",
                "{{service}}",
            ),
            unit="s",
        ),
        lines(
            "Callers without a connection",
            Query("sum by (service) (increase(partywall_db_pool_timeouts_total[$__rate_interval]))", "{{service}}"),
        ),
        lines("Processes", Query('up{job=~"partywall-.+"}', "{{job}} {{instance}}"), says="1: it was scraped."),
        lines(
            "Memory of the workers",
            Query('process_resident_memory_bytes{job="partywall-worker"}', "{{instance}}"),
            unit="bytes",
        ),
        lines(
            "Scrapes with old gauges",
            Query("sum by (instance) (increase(partywall_stale_scrapes_total[$__rate_interval]))", "{{instance}}"),
        ),
    ),
)

NETWORK = Dashboard(
    "network",
    "network overview",
    "What people outside meet, what the business does, and what it stands on.",
    (_PROMISES, _BUSINESS, _GROUND),
)
