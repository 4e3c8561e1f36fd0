"""The faults: what is killed, frozen, filled, emptied, stepped and poisoned."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.settings import SERVICES
from tests.proof.faults import poison, tricks
from tests.proof.faults.victims import WEBS, WORKERS
from tests.proof.faults.world import World

Strike = Callable[[World], str]


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` does it and says to whom; it counts as `kills` SIGKILLs of the harness's own."""

    name: str
    strike: Strike
    kills: int = 1


def _kill_worker(world: World) -> str:
    name = world.spare(list(WORKERS))
    world.victims.kill(name)
    return name


def _kill_web(world: World) -> str:
    name = world.spare([web for web in WEBS if web != "gateway-web"])
    world.victims.kill(name)
    return name


def _kill_gateway(world: World) -> str:
    world.victims.kill(world.spare(["gateway-web"]))
    return "gateway-web"


def _kill_web_child(world: World) -> str:
    name = world.chance.choice(WEBS)
    world.victims.kill_web_child(name)
    return name


def _kill_database(world: World) -> str:
    if world.database:
        world.database.kill()
    else:
        world.victims.kill("database")
    return "postmaster"


def _kill_backend(world: World) -> str:
    assert world.database
    world.database.kill_backend(world.chance)
    return "one backend"


def _kill_broker(world: World) -> str:
    assert world.broker
    world.broker.kill()
    time.sleep(world.chance.uniform(0, 2))
    world.broker.start()
    return "node"


def _kill_launcher(world: World) -> str:
    world.relaunch()
    return "make run"


def _freeze_broker(world: World) -> str:
    assert world.broker
    seconds = world.chance.choice((3.0, 6.0, 25.0))  # the last is beyond every time-out of the bus
    world.broker.freeze()
    time.sleep(seconds)
    world.broker.thaw()
    return f"{seconds:.0f} s"


def _freeze_worker(world: World) -> str:
    name, seconds = world.chance.choice(WORKERS), world.chance.uniform(2, 6)
    world.victims.freeze(name, seconds)
    return f"{name}, {seconds:.0f} s"


def _freeze_gateway(world: World) -> str:
    seconds = world.chance.uniform(1, 4)
    world.victims.freeze("gateway-web", seconds)
    return f"{seconds:.0f} s"


def _pause_publishing(world: World) -> str:
    assert world.broker
    world.broker.control("set_disk_free_limit", "90000GB")
    time.sleep(world.chance.uniform(3, 8))
    world.broker.control("set_disk_free_limit", "50MB")
    return "the broker takes nothing"


def _fill_outbox(world: World) -> str:
    service, table = world.chance.choice(SERVICES), world.chance.choice(("pending", "event_log"))
    with tricks.full_disk(world, service, table):
        time.sleep(world.chance.uniform(2, 5))
    return f"{service}, {table}"


def _purge(world: World) -> str:
    return f"{tricks.purge(world)} messages"


def _duplicate(world: World) -> str:
    return f"{tricks.duplicate(world)} messages"


def _reorder(world: World) -> str:
    consumer = world.spare(list(WORKERS)).removesuffix("-worker")
    return f"{consumer}, {tricks.reorder(world, consumer)} messages"


def _step_clock(world: World) -> str:
    seconds = world.chance.choice((-300, -90, -20, 20, 90, 300))
    world.seams.step_clock(seconds)
    time.sleep(world.chance.uniform(4, 8))
    world.seams.step_clock(0)
    return f"{seconds:+d} s and back"


WORKER = Fault("worker killed (relay, consumer)", _kill_worker)
GATEWAY = Fault("gateway killed", _kill_gateway)
WEB = Fault("web server killed", _kill_web)
CHILD = Fault("web worker killed", _kill_web_child)
DATABASE = Fault("database killed", _kill_database)
BACKEND = Fault("database backend killed", _kill_backend)
BROKER = Fault("broker killed", _kill_broker)
LAUNCHER = Fault("launcher killed", _kill_launcher)

FROZEN = (
    Fault("worker frozen (SIGSTOP)", _freeze_worker, 0),
    Fault("gateway frozen (SIGSTOP)", _freeze_gateway, 0),
)
OTHERS = (
    *FROZEN,
    Fault("disk full under the outbox", _fill_outbox, 0),
    Fault("product's clock stepped", _step_clock, 0),
    Fault("event that kills its worker", poison.strike, 0),
)
OF_THE_BROKER = (
    Fault("broker frozen (SIGSTOP)", _freeze_broker, 0),
    Fault("broker's disk full", _pause_publishing, 0),
    Fault("queues purged", _purge, 0),
    Fault("duplicates delivered", _duplicate, 0),
    Fault("deliveries reordered", _reorder, 1),
)
EASY = (WORKER, WEB, CHILD, GATEWAY)
