"""Commands of the event machinery: verify a service's chain, compare its inbox with its publishers' feeds."""

import sys

from shared import chain, reconciliation
from shared.db import Database
from shared.feed_client import FeedClient, FeedUnavailable
from shared.inbox import Subscriber
from shared.keys import Keyring
from shared.settings import Settings


def verify(settings: Settings) -> int:
    """Say whether the service's event log is what was written, and where not. Exit code 1 when it is broken."""
    database = Database(settings.database_url)
    try:
        verdict = chain.verify(database)
    finally:
        database.close()
    if verdict.broken_at is None:
        _say(f"{settings.service}: {verdict.checked} events, the chain is whole, head {verdict.head[:16]}")
        return 0
    _say(f"{settings.service}: broken at event {verdict.broken_at}: {verdict.why} ({verdict.checked} before it fit)")
    return 1


def reconcile(settings: Settings, subscriber: Subscriber, *, heal: bool) -> int:
    """Say what each publisher told and the service did not apply; `heal` applies it. Exit code 1: some is left."""
    database = Database(settings.database_url)
    client = FeedClient(Keyring(settings.keys_folder, settings.service), settings.service, settings.peers)
    try:
        left = [_reconcile(database, subscriber, publisher, client, heal) for publisher in subscriber.publishers]
    finally:
        client.close()
        database.close()
    return 1 if any(left) else 0


def _reconcile(database: Database, subscriber: Subscriber, publisher: str, client: FeedClient, heal: bool) -> bool:
    """Whether something is left undone, or could not be checked."""
    try:
        finding = reconciliation.check(database, subscriber, publisher, client)
    except FeedUnavailable as error:
        _say(f"{publisher}: cannot be checked, {error}")
        return True
    _say(f"{publisher}: {finding.checked} events checked, {len(finding.missing)} missing")
    for delivery in finding.missing:
        kind = delivery.envelope.type if delivery.envelope else "unreadable"
        _say(f"  {delivery.sequence} {kind} {delivery.event_id}")
    if heal and finding.missing:
        _say(f"  healed {reconciliation.heal(database, subscriber, finding)}")
        return False
    return bool(finding.missing)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
