"""Identifiers: UUIDv7, so that keys sort by the time they were made (RFC 9562)."""

from uuid import UUID

import uuid6

# Rules and other facts of the platform itself belong to no franchise; their events name this organization.
PLATFORM = UUID(int=0)


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return UUID(int=uuid6.uuid7().int)
