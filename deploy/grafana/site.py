"""One site: whether the MSO may work for it, and what it does beside the others."""

from deploy.grafana.panels import AMBER, GREEN, RED, Dashboard, Panel, Query, Row, Variable, figure, lines

_HERE = 'site="$site"'


def _today(noun: str) -> Panel:
    title = f"{noun.replace('_', ' ').capitalize()}, 24 h"
    return figure(title, f"sum(increase(partywall_site_{noun}_total{{{_HERE}}}[1d])) or vector(0)")


def _beside_others(noun: str) -> Panel:
    """Per day, with the average site for comparison."""
    metric = f"partywall_site_{noun}_total"
    return lines(
        f"{noun.replace('_', ' ').capitalize()} per day",
        Query(f"sum(increase({metric}{{{_HERE}}}[1d])) or vector(0)", "this site"),
        Query(
            f"sum(increase({metric}[1d])) / scalar(count(count by (site) (partywall_site_info)))",
            "average of open sites",
        ),
    )


_AGREEMENT = Row(
    "The agreement",
    (
        figure(
            "Days left",
            f"max(partywall_site_agreement_days_left{{{_HERE}}})",
            "Days until the site has no management services agreement any more; -1: none is in force, the MSO has no"
            " access. Infinite: it has no end.",
            unit="d",
            steps=((None, RED), (14, AMBER), (60, GREEN)),
        ),
        Panel(
            "Known as",
            (Query(f"max by (code, name, state, organization) (partywall_site_info{{{_HERE}}})"),),
            kind="table",
            height=4,
        ),
        _today("orders"),
        _today("invoices"),
        _today("payments"),
    ),
)

_WORK = Row(
    "Its work, beside the others",
    tuple(map(_beside_others, ("orders", "receipts", "vendor_bills", "shifts", "invoices", "payments"))),
)

SITE = Dashboard(
    "site",
    "one site",
    "Whether the MSO may work for a site, and what the site does.",
    (_AGREEMENT, _WORK),
    (
        Variable(
            "site",
            "Site",
            "max by (site, name) (partywall_site_info)",
            r'/name="(?<text>[^"]+)",\s*site="(?<value>[^"]+)"/',
        ),
    ),
)
