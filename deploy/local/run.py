"""`make run`: the whole platform from this folder, until Ctrl-C."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import psycopg
from urllib3.exceptions import HTTPError

from deploy import databases
from deploy.demo import franchise, people
from deploy.demo.client import Refused
from deploy.local import postgres
from deploy.local.instance import ROOT, Instance, NoRoom, claim
from deploy.local.processes import GATEWAY_PORT, listen, port_of, processes, reserve
from deploy.local.supervisor import ProcessFailed, Supervisor
from shared import keys
from shared.settings import SERVICES
from shared.tenancy import APP, OWNER

_READY_WITHIN = 90.0
Watch = Callable[[], None]


class SetupFailed(Exception):
    """A step before the start failed; the message ends with what it printed last."""


def say(words: str = "") -> None:
    """Print for the person at the terminal, at once."""
    print(words, flush=True)


def main() -> int:
    """Run until Ctrl-C (0) or until something cannot be run (1)."""
    began = time.monotonic()
    os.chdir(ROOT)
    with contextlib.ExitStack() as stack:
        try:
            _stop_on_signals()
            watches = _start(stack, began)
            while True:
                for watch in watches:
                    watch()
                time.sleep(0.3)
        except KeyboardInterrupt:
            say("\nStopping: what is begun is finished, the data stays.")
            outcome = 0
        except (NoRoom, postgres.PostgresFailed, SetupFailed, ProcessFailed, psycopg.Error) as failure:
            say(f"\nPartywall cannot run: {failure}")
            outcome = 1
        _ignore_signals()
    say("Stopped.")
    return outcome


def _stop_on_signals() -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    # Explicit, because a shell starts background jobs with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _start(stack: contextlib.ExitStack, began: float) -> list[Watch]:
    """Bring everything up; whatever was started is in `stack` to be taken down in reverse. Returns what to repeat."""
    instance = claim()
    stack.callback(instance.release)
    if instance.number > 1:
        say(f"Another platform runs from this folder; this one is number {instance.number}, with data of its own.")
    say(f"Data and logs: {os.path.relpath(instance.folder)}")
    admin_url, watch_database = _database(stack, instance)
    settings = _settings(instance, admin_url)
    say("Bringing the databases up to date")
    _step(instance, ["migrate", "all"], settings)
    settings.pop("OWNER_DATABASE_URL")  # nothing that serves may change a table
    sockets = {service: stack.enter_context(listen(service)) for service in SERVICES}
    supervisor = Supervisor(say)
    stack.callback(supervisor.stop)
    say("Starting the four services and their workers")
    for process in processes(settings, sockets, lambda: port_of(stack.enter_context(reserve())), instance.folder):
        supervisor.start(process)
    _step(instance, ["command", "gateway", "rules", "load"], settings)
    supervisor.wait_until_ready(_READY_WITHIN)
    seconds = time.monotonic() - began
    ports = {service: port_of(opened) for service, opened in sockets.items()}
    pids = {process.name: process.pid for process in supervisor.processes}
    ops_ports = {process.name: int(process.environment["OPS_PORT"]) for process in supervisor.processes}
    url = f"http://127.0.0.1:{ports['gateway']}"
    instance.tell({"gateway": url, "ports": ports, "ops_ports": ops_ports, "pids": pids, "settings": settings})
    _demo_franchise(instance, settings, url)
    _announce(instance, ports["gateway"], seconds)
    return [watch_database, supervisor.watch]


def _demo_franchise(instance: Instance, settings: dict[str, str], url: str) -> None:
    """Create the demo franchise the first time. Raises SetupFailed."""
    if (instance.folder / "sign-ins.json").exists():
        return
    kept = instance.folder / "bootstrap.json"
    if not kept.exists():  # the one-time password in it is shown only once
        options = [f"--slug={people.SLUG}", f"--name={people.NAME}", f"--email={people.ADMINISTRATOR.email}"]
        options.append(f"--admin-name={people.ADMINISTRATOR.name}")
        instance.keep(kept.name, json.loads(_step(instance, ["command", "gateway", "bootstrap", *options], settings)))
    try:
        franchise.create(url, instance.folder, json.loads(kept.read_text()), say)
    except (Refused, HTTPError) as error:
        raise SetupFailed(f"The demo franchise could not be created: {error}") from error


def _announce(instance: Instance, port: int, seconds: float) -> None:
    """Say where the platform is and as whom to sign in."""
    if port != GATEWAY_PORT:
        say(f"Port {GATEWAY_PORT} is taken; the gateway took {port}.")
    say(f"Ready after {seconds:.1f} s.\n")
    say(f"  API page   http://127.0.0.1:{port}/docs\n")
    say("  Sign in as one of the people of the demo franchise:")
    sign_ins = json.loads((instance.folder / "sign-ins.json").read_text())
    width = max(len(person["role"]) for person in sign_ins)
    for person in sign_ins:
        say(f"    {person['role']:{width}}  {person['email']:30} {person['password']}")
    machine, key = f"{people.MACHINE_ROLE} CA", os.path.relpath(instance.folder / "demo.json")
    say(f"    {machine:{width}}  {people.MACHINE}, a machine client: its API key is machine_key in {key}")
    say("\nThe demo story: make demo, in another terminal. Ctrl-C stops the platform; its data stays.")


def _database(stack: contextlib.ExitStack, instance: Instance) -> tuple[str, Watch]:
    """The superuser's URL of the server that POSTGRES_ADMIN_URL names, or else of an embedded one; and its watch."""
    if url := os.environ.get("POSTGRES_ADMIN_URL"):
        say("PostgreSQL: the server POSTGRES_ADMIN_URL names")
        return url, lambda: None
    server = stack.enter_context(postgres.start(instance.folder / "postgres"))
    say(f"PostgreSQL: embedded, on port {server.port}")

    def watch() -> None:
        if server.revive():
            say("The database ended unexpectedly and was started again.")

    return server.url(), watch


def _settings(instance: Instance, admin_url: str) -> dict[str, str]:
    """Create what the platform stands on; return the settings common to all processes, the owner's login included."""
    passwords = instance.secrets("owner", "app")
    databases.provision(admin_url, passwords["owner"], passwords["app"])
    kept = instance.folder / "keys"
    keys.share(kept, kept)
    _put_old_logs_away(instance.folder / "logs")
    name = databases.name_of("{service}")
    bus = {name: os.environ[name] for name in ("BUS_URL", "BUS_PREFIX") if name in os.environ}
    return {
        "DATABASE_URL": databases.login_url(admin_url, APP, passwords["app"], name),
        "OWNER_DATABASE_URL": databases.login_url(admin_url, OWNER, passwords["owner"], name),
        "KEYS_FOLDER": str(kept / "{service}"),
        "HOST": "127.0.0.1",
        **bus,
    }


def _put_old_logs_away(logs: Path) -> None:
    """The logs of the start before stay readable as *.old; older ones go."""
    logs.mkdir(exist_ok=True)
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".old"))


def _step(instance: Instance, arguments: list[str], settings: dict[str, str]) -> str:
    """Run one command of the platform to its end; returns what it wrote. Raises SetupFailed."""
    log = instance.folder / "logs" / "setup.log"
    with log.open("ab") as errors:
        ran = subprocess.run(
            [sys.executable, "-m", "services", *arguments],
            env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            text=True, start_new_session=True, check=False,
        )  # fmt: skip
    if ran.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SetupFailed(f"{' '.join(arguments)} ended with {ran.returncode}.\n{last}")
    return ran.stdout
