"""What row-level security costs: raw statements under the policies, and by a superuser who names the site instead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.bench import loads
from tests.bench.loads import Work
from tests.bench.works import Pair
from tests.support.platform import Platform

HEADS = ("raw statements", "on: per s", "off: per s", "on: DB CPU ms", "off: DB CPU ms", "cost on / off")
_CLIENTS = 4


@dataclass(slots=True)
class Side:
    """What one side has used and done so far."""

    work: Work
    seconds: float = 0
    answered: int = 0
    cpu: float = 0

    def go(self, platform: Platform, seconds: float) -> None:
        """One more round."""
        load, cpu = loads.run(self.work, _CLIENTS, seconds / 3, seconds, platform.database_cpu_seconds)
        if load.errors:
            raise RuntimeError(f"{load.errors} transactions of {self.work.name} failed")
        self.seconds, self.cpu = self.seconds + seconds, self.cpu + cpu
        self.answered += len(load.latencies)

    @property
    def cost(self) -> float:
        """Milliseconds of PostgreSQL's processor time per transaction."""
        return self.cpu * 1000 / max(1, self.answered)


def rows(platform: Platform, pairs: Sequence[Pair], seconds: float, rounds: int) -> list[list[str]]:
    """A line for each work; both sides take turns, so that a busy machine disturbs both."""
    lines = []
    for pair in pairs:
        options = {**pair.raw.options, "url": platform.admin_url("procurement"), "walled": False}
        on, off = Side(pair.raw), Side(replace(pair.raw, options=options))
        for _ in range(rounds):
            on.go(platform, seconds)
            off.go(platform, seconds)
        lines.append(_line(pair.name, on, off))
    return lines


def _line(name: str, on: Side, off: Side) -> list[str]:
    rates = [f"{side.answered / side.seconds:,.0f}" for side in (on, off)]
    ratio = f"{on.cost / off.cost:.2f}" if off.cost else "too few"
    return [name, *rates, f"{on.cost:.3f}", f"{off.cost:.3f}", ratio]
