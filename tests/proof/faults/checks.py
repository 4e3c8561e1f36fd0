"""All that is checked when a run has settled."""

from contextlib import closing
from dataclasses import dataclass

from services.gateway.audit import service as audit
from shared import chain
from shared.settings import SERVICES
from shared.tenancy import Scope
from tests.proof.faults import check_books, check_requests, deliveries
from tests.proof.faults.world import World, pretty


@dataclass(frozen=True, slots=True)
class Checked:
    """`findings` is empty where everything held."""

    counts: dict[str, int]
    findings: list[str]


def check(world: World) -> Checked:
    """Requests, deliveries, rows and books, chains."""
    counts, findings = check_requests.check(world)
    delivered, lost = _deliveries(world)
    return Checked(counts | delivered, [*findings, *lost, *check_books.check(world), *_logs(world), *_chains(world)])


def _deliveries(world: World) -> tuple[dict[str, int], list[str]]:
    compared = deliveries.compare(world)
    findings = [f"{pair}: {len(ids)} events lost: {pretty(sorted(ids))}" for pair, ids in compared.lost.items() if ids]
    findings += [f"{pair}: applied, never published: {pretty(ids)}" for pair, ids in compared.invented.items() if ids]
    open_letters = "select consumer, type, status, reason from parked where status in ('parked', 'dead')"
    findings += [f"put away: {pretty(row)}" for rows in world.ask_all(open_letters).values() for row in rows]
    trail = {row["event_id"] for row in world.ask("gateway", "select event_id from audit_entry")}
    logged = {row["event_id"] for rows in world.ask_all("select event_id from event_log").values() for row in rows}
    if trail != logged:
        findings.append(f"the trail lacks {len(logged - trail)} events and has {len(trail - logged)} too many")
    lost = sum(map(len, compared.lost.values()))
    counts = {"events published": compared.published, "applied": compared.applied, "events lost": lost}
    return counts | {"events doubled": _doubled(world)}, findings


def _doubled(world: World) -> int:
    """Effects that are there more often than the event they come from: entries in the trail and in the books."""
    twice = "select coalesce(sum(n - 1), 0)::int as n from (select count(*) as n from {} group by {}) s"
    return sum(
        int(world.ask(service, twice.format(table, columns))[0]["n"])
        for service, table, columns in (
            ("gateway", "audit_entry", "event_id"),
            ("billing", "journal_entry", "legal_entity_id, source_type, source_id"),
            ("billing", "cost_fact", "location_id, source_type, source_id"),
        )
    )


def _logs(world: World) -> list[str]:
    """Sequences are dense, and where the relay says they end."""
    query = (
        "select c.sequenced, count(e.sequence) as events, coalesce(max(e.sequence), 0) as last"
        " from relay_cursor c left join event_log e on true where c.id = 1 group by c.sequenced"
    )
    return [
        f"the log of {service} has gaps: {pretty(rows)}"
        for service, rows in world.ask_all(query).items()
        if len(rows) != 1 or len(set(rows[0].values())) != 1
    ]


def _chains(world: World) -> list[str]:
    """The hash chain of each service's log, and the audit chain of each organization."""
    findings = []
    for service in SERVICES:
        with closing(world.platform.database(service)) as database:
            verdict = chain.verify(database)
        if verdict.broken_at is not None:
            findings.append(f"the chain of {service} is broken at {verdict.broken_at}: {verdict.why}")
    with closing(world.platform.database("gateway")) as database:
        for row in world.ask("gateway", "select organization_id as id from audit_head"):
            with database.transaction(Scope.whole(row["id"])) as session:
                found = audit.verify(session, row["id"])
            if not found.sound:
                findings.append(f"the audit chain of {row['id']} is not sound at {found.position}: {found.fault}")
    return findings
