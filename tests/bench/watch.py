"""Seeing an effect without looking for it: who polls takes the processor from what it waits for."""

import time

import psycopg

_SECONDS = 10.0


class NoEffect(Exception):
    """An event had no effect in time."""


class Watch:
    """Hears when a row of `table` is written, and what stands in its integer `column` then; as soon as it is committed.

    Puts a trigger of the benchmark's own on the table.
    """

    def __init__(self, owner_url: str, table: str, column: str) -> None:
        channel = f"watch_{table}"
        self._connection = psycopg.connect(owner_url, autocommit=True)
        for statement in (
            f"create or replace function {channel}() returns trigger language plpgsql as"
            f" $$ begin perform pg_notify('{channel}', new.{column}::text); return null; end $$",
            f"create or replace trigger {channel} after insert or update on {table}"
            f" for each row execute function {channel}()",
            f"listen {channel}",
        ):
            self._connection.execute(statement.encode())

    def until(self, version: int) -> float:
        """Wait for this one; when it was (perf_counter). Raises NoEffect."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            # The generator holds the connection until it ends: one notice at a time.
            for notice in list(self._connection.notifies(timeout=1.0, stop_after=1)):
                if int(notice.payload) == version:
                    return time.perf_counter()
        raise NoEffect(f"version {version} was not heard of")

    def close(self) -> None:
        """Stop listening."""
        self._connection.close()
