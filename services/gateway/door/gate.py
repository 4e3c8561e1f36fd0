"""The gate: from who asks for what, where, to a signed context token for exactly that, or a refusal; always logged."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.gateway.catalogue.operations import Catalogue, Operation
from services.gateway.decisions.writer import Writer
from services.gateway.door.addresses import Target
from services.gateway.door.refusals import Sources, refusal
from services.gateway.door.scoping import Caller, Outcome, resolve
from services.gateway.policies.engine import Engine
from shared.clock import now
from shared.errors import NotFound, Problem
from shared.identity import Context, issue_context
from shared.ids import new_id
from shared.keys import Keyring

REMEMBER_SECONDS = 10.0
REMEMBERED = 20_000


class MethodNotAllowed(Problem):
    """This method does not go with this address."""

    status = 405


@dataclass(slots=True)
class _Known:
    """An outcome, and the token it led to; both are thrown away long before the token expires."""

    outcome: Outcome
    until: float
    token: str | None = None


class Gate:
    """Decides requests. Outcomes are remembered per version of the directory, so that a revoked grant stops at once
    when the directory knows of it."""

    def __init__(
        self, engine: Engine, catalogue: Catalogue, sources: Sources, keyring: Keyring, decisions: Writer
    ) -> None:
        self.engine, self.catalogue, self.sources = engine, catalogue, sources
        self._keyring, self._decisions = keyring, decisions
        self._known: OrderedDict[tuple[Any, ...], _Known] = OrderedDict()
        self._lock = threading.Lock()

    def operation(self, target: Target, method: str) -> Operation:
        """What `method` means at `target`. Raises NotFound, MethodNotAllowed."""
        methods = self.catalogue.find(target.service, target.segments)
        served = {verb: found for verb, found in methods.items() if _serves(found, target)}
        if not served:
            raise NotFound()
        found = served.get("GET" if method == "HEAD" else method)
        if found is None:
            allowed = sorted({*served, *(("HEAD",) if "GET" in served else ())})
            raise MethodNotAllowed(f"Allowed: {', '.join(allowed)}.", allowed=allowed)
        return found

    def admit(self, operation: Operation, target: Target, caller: Caller, request_id: str) -> str:
        """The context token of an allowed request. Raises NotFound, OtherPlane, Refused."""
        known = self._outcome(operation, target, caller)
        row = _row(operation, target, caller, known.outcome, request_id)
        if operation.recorded_first:
            self._decisions.now(row)
        else:
            self._decisions.later(row)
        if not known.outcome.allowed:
            raise refusal(self.engine, self.sources, operation, target.address, caller, known.outcome)
        if operation.recorded_first:
            return self._issue(operation, caller, known.outcome, row["id"])
        if known.token is None:
            known.token = self._issue(operation, caller, known.outcome, None)
        return known.token

    def _outcome(self, operation: Operation, target: Target, caller: Caller) -> _Known:
        principal, organization = caller.principal, caller.organization
        key = (
            organization.id,
            organization.version,
            principal.id,
            principal.plane,
            principal.name,
            operation.name,
            target.address,
        )
        known = self._known.get(key)
        if known is None or known.until < time.monotonic():
            outcome = resolve(self.engine, operation, target.address, caller)
            known = _Known(outcome, time.monotonic() + REMEMBER_SECONDS)
            with self._lock:
                self._known[key] = known
                self._known.move_to_end(key)
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        return known

    def _issue(self, operation: Operation, caller: Caller, outcome: Outcome, decision_id: UUID | None) -> str:
        assert outcome.scope is not None
        context = Context(
            principal_id=caller.principal.id,
            principal_kind=caller.principal.kind,
            principal_name=caller.principal.name,
            plane=caller.plane,
            roles=outcome.roles,
            operation=operation.name,
            scope=outcome.scope,
            limits=outcome.limits,
            licence=outcome.licence,
            decision_id=decision_id,
        )
        return issue_context(self._keyring, context, operation.service)


def _serves(operation: Operation, target: Target) -> bool:
    kind = target.address.kind
    return kind in operation.scopes or (kind == "network" and "organization" in operation.scopes)


def _row(operation: Operation, target: Target, caller: Caller, outcome: Outcome, request_id: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organization_id": caller.organization.id,
        "legal_entity_id": outcome.entity.id if outcome.entity else None,
        "decided_at": now(),
        "principal_id": caller.principal.id,
        "principal_kind": caller.principal.kind,
        "principal_name": caller.principal.name,
        "plane": caller.plane,
        "roles": sorted(outcome.facts.roles if outcome.facts else outcome.roles),
        "operation": operation.name,
        "address_kind": target.address.kind,
        "address_id": target.address.id,
        "outcome": "allow" if outcome.allowed else "deny",
        "policy": outcome.policy.name,
        "reserved": operation.reserved,
        "data_class": operation.data_class,
        "request_id": request_id,
    }
