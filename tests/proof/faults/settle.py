"""After the last fault: until nothing is on its way any more."""

import time

from tests.proof.faults import deliveries
from tests.proof.faults.world import NotRecovered, World

_SECONDS = 240.0
_WAITING = (
    "select (select count(*) from pending) as pending,"
    " (select sequenced - published from relay_cursor where id = 1) as unpublished,"
    " (select count(*) from parked where status = 'parked') as parked"
)


def settle(world: World) -> float:
    """Wait until every outbox is empty and all is applied; the seconds it took. Raises NotRecovered."""
    began = time.monotonic()
    world.seams.cure()
    world.seams.step_clock(0)
    world.wait_until_ready()
    while left := _left(world):
        if time.monotonic() - began > _SECONDS:
            raise NotRecovered(f"not settled after {_SECONDS:.0f} s: {'; '.join(left)}")
        time.sleep(0.5)
    return time.monotonic() - began


def _left(world: World) -> list[str]:
    left = []
    for service, (row,) in world.ask_all(_WAITING).items():
        waits = {what: count for what, count in row.items() if count and (what != "unpublished" or world.broker)}
        left += [f"{service}: {count} {what}" for what, count in waits.items()]
    left += [f"{pair}: {len(ids)} to apply" for pair, ids in deliveries.compare(world).lost.items() if ids]
    return left
