"""Which faults, in which order: shuffled by the seed, all kinds in each run."""

import random
from dataclasses import dataclass
from itertools import cycle, islice

from tests.proof.faults import faults
from tests.proof.faults.faults import Fault


@dataclass(frozen=True, slots=True)
class Plan:
    """A run: with a broker and a database of the harness's own or without, so many kills, and other faults."""

    title: str
    broker: bool
    kills: int
    others: int  # rounds of everything that is no kill

    def faults(self, seed: int) -> list[Fault]:
        """In the order in which they strike."""
        chance = random.Random(seed)
        planned = list(islice(cycle(_kills(self.broker)), self.kills))
        if self.broker:
            planned += faults.OF_THE_BROKER * self.others
        elif self.others:
            planned.append(faults.LAUNCHER)
        planned += faults.OTHERS * self.others
        chance.shuffle(planned)
        return planned


def _kills(broker: bool) -> tuple[Fault, ...]:
    """Kills in turn, so that each kind has its share."""
    common = (faults.WORKER, faults.GATEWAY, faults.DATABASE, faults.WORKER, faults.CHILD, faults.WEB)
    return (faults.BROKER, *common, faults.BACKEND, faults.WORKER) if broker else common


def complete(kills: int, others: int) -> tuple[Plan, Plan]:
    """Both halves: everything over RabbitMQ, then `make run` as it is."""
    return (
        Plan("RabbitMQ and PostgreSQL of the harness's own", True, kills, others),
        Plan("make run: feeds only, embedded PostgreSQL", False, kills // 2, others),
    )
