"""Read a request's path as it came over the wire; anything but plain segments is no address at all."""

import re
from dataclasses import dataclass
from uuid import UUID

from services.gateway.door.scoping import Address, AddressKind

PREFIX = "v1"
_KINDS: dict[str, AddressKind] = {"locations": "location", "entities": "entity"}
# No percent signs, dots alone, semicolons or empty segments: no two readers can disagree about what is left.
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]{1,200}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request wants to go: the address, the service and its own path. `prefix` is what the door strips."""

    address: Address
    service: str
    segments: tuple[str, ...]
    prefix: str

    @property
    def path(self) -> str:
        return "/" + "/".join(self.segments)


def parse(raw: str) -> Target | None:
    """The target of a raw request path (query already cut off), or None."""
    if not raw.startswith("/"):
        return None
    segments = raw[1:].split("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments) or segments[0] != PREFIX:
        return None
    match segments[1:]:
        case ["network", service, *rest] if rest:
            return Target(Address("network"), service, tuple(rest), f"/{PREFIX}/network/{service}")
        case [kind, identifier, service, *rest] if rest and kind in _KINDS and _UUID.fullmatch(identifier):
            address = Address(_KINDS[kind], UUID(identifier))
            return Target(address, service, tuple(rest), f"/{PREFIX}/{kind}/{identifier}/{service}")
    return None
