"""Settings from the environment, typed and checked once at start; every one may also come from a file (NAME_FILE)."""

from dataclasses import dataclass
from pathlib import Path

from environs import EnvError, FileAwareEnv

SERVICES = ("gateway", "procurement", "hr", "billing")


class BadSettings(Exception):
    """A setting is missing or wrong; the message names it and says what it should be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process needs to know. Ports of 0 mean: choose one.

    DATABASE_URL (application role), OWNER_DATABASE_URL (migrations only), KEYS_FOLDER, in each of which `{service}`
    stands for the service's name, BUS_URL (amqp://, none = feeds only), PEERS ("gateway=http://127.0.0.1:8081,hr=...";
    where each service's feed and API live), HOST, PORT, OPS_PORT (health and metrics), THREADS, WEB_WORKERS,
    MAX_BODY_BYTES, LOG_LEVEL, OUTBOX_NOTIFY, BUS_PREFIX (before the names of exchanges and queues, where several
    installations share a broker).
    """

    service: str
    database_url: str
    owner_database_url: str | None
    bus_url: str | None
    keys_folder: Path
    peers: dict[str, str]
    host: str
    port: int
    ops_port: int
    threads: int
    web_workers: int
    max_body_bytes: int
    log_level: str
    outbox_notify: bool
    bus_prefix: str = ""


def load(service: str) -> Settings:
    """Read the settings of `service` from the environment. Raises BadSettings."""
    if service not in SERVICES:
        raise BadSettings(f"There is no service {service!r}; it is one of {', '.join(SERVICES)}.")
    env = FileAwareEnv()
    try:
        return Settings(
            service=service,
            database_url=env.str("DATABASE_URL").replace("{service}", service),
            owner_database_url=env.str("OWNER_DATABASE_URL", "").replace("{service}", service) or None,
            bus_url=env.str("BUS_URL", "") or None,
            keys_folder=Path(env.str("KEYS_FOLDER").replace("{service}", service)),
            peers=env.dict("PEERS", {}),
            host=env.str("HOST", "127.0.0.1"),
            port=env.int("PORT", 0),
            ops_port=env.int("OPS_PORT", 0),
            threads=env.int("THREADS", 16),
            web_workers=env.int("WEB_WORKERS", 1),
            max_body_bytes=env.int("MAX_BODY_BYTES", 2 * 1024 * 1024),
            log_level=env.str("LOG_LEVEL", "INFO").upper(),
            outbox_notify=env.bool("OUTBOX_NOTIFY", True),
            bus_prefix=env.str("BUS_PREFIX", ""),
        )
    except (EnvError, ValueError) as error:
        raise BadSettings(f"Settings of {service}: {error}") from error
