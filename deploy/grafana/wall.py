"""The wall: what the door decides, whether the proofs hold, and the agreements everything rests on."""

from deploy.grafana.panels import Dashboard, Query, Row, bad_from, figure, good_from, lines, table

_DENIED = 'partywall_decisions_total{outcome="deny"}'

_PROOF = Row(
    "Proofs",
    (
        figure(
            "Audit chains that are whole",
            "min(partywall_audit_chain_sound)",
            "1: every organization's chain is what was written. Walked once a day.",
            steps=good_from(1),
        ),
        figure("Event logs that are whole", "min(partywall_event_log_sound)", steps=good_from(1)),
        figure(
            "Since the oldest proof",
            "time() - min(partywall_audit_chain_verified_timestamp_seconds)",
            unit="s",
            steps=bad_from(36 * 3600),
        ),
        figure("Audit entries proved", "sum(max by (organization) (partywall_audit_chain_checked_entries))"),
        figure(
            "Decisions lost, 1 d",
            "sum(increase(partywall_decisions_lost_total[1d]))",
            "Decisions that could not be written to the log.",
            steps=bad_from(1),
        ),
        figure(
            "Sites without an agreement",
            "count(max by (site) (partywall_site_agreement_days_left) < 0) or vector(0)",
            "The MSO has no access there.",
            steps=bad_from(1),
        ),
    ),
)

_DOOR = Row(
    "The door",
    (
        lines(
            "Decisions",
            Query("sum by (outcome) (rate(partywall_decisions_total[$__rate_interval]))", "{{outcome}}"),
            unit="ops",
        ),
        lines(
            "Denials by policy",
            Query(f"sum by (policy) (increase({_DENIED}[$__rate_interval]))", "{{policy}}"),
        ),
        lines(
            "Share denied",
            Query(f"sum(rate({_DENIED}[1h])) / sum(rate(partywall_decisions_total[1h]))", "denied"),
            unit="percentunit",
        ),
        lines(
            "Sign-ins",
            Query("sum by (outcome) (increase(partywall_sign_ins_total[$__rate_interval]))", "{{outcome}}"),
        ),
        lines(
            "Reserved decisions taken, per hour",
            Query(
                'sum by (service) (increase(partywall_business_facts_total{type=~".+[.]decision[.]taken"}[1h]))',
                "{{service}}",
            ),
            says="What only the clinical side may decide.",
        ),
        lines(
            "Refused at the door",
            Query(
                'sum(rate(partywall_http_requests_total{service="gateway", route=~"/v1/.+", status="4xx"}'
                "[$__rate_interval]))",
                "4xx",
            ),
            says="Denials, what does not exist for the caller, and mistakes.",
            unit="reqps",
        ),
        table("Denials by policy, 1 d", f"sort_desc(sum by (policy) (increase({_DENIED}[1d])) > 0)"),
        table(
            "What policies allowed, 1 d",
            'topk(20, sum by (policy) (increase(partywall_decisions_total{outcome="allow"}[1d])) > 0)',
        ),
    ),
)

_AGREEMENTS = Row(
    "Agreements",
    (
        table(
            "Days left by site",
            "sort(max by (site) (partywall_site_agreement_days_left)"
            " * on (site) group_left (code, name, state, organization)"
            " max by (site, code, name, state, organization) (partywall_site_info))",
            "After the last day the MSO has no access. -1: no agreement is in force.",
            unit="d",
            width=24,
        ),
    ),
)

WALL = Dashboard(
    "wall",
    "wall",
    "What the door decides, whether the proofs hold, and the agreements everything rests on.",
    (_PROOF, _DOOR, _AGREEMENTS),
)
