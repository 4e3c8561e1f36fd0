"""Callers: an app's test client that carries the context token the gateway would have issued."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from shared.identity import Context, issue_context
from shared.ids import new_id
from shared.keys import Keyring
from shared.tenancy import Scope
from shared.web.app import operation_of
from shared.web.operations import HEADER


class Answer(TestResponse):
    """A response whose JSON is taken as it comes."""

    json: Any


@dataclass(frozen=True)
class Caller:
    """Somebody with roles on a plane, in a scope. `get`, `post`... send what the gateway would send.

    An operation whose decision is recorded first gets a new one with each request, unless `decision_id` names it or
    `on_record` is false.
    """

    app: Flask
    keyring: Keyring
    scope: Scope
    roles: frozenset[str] = frozenset()
    plane: Any = "business"
    principal_id: UUID = field(default_factory=new_id)
    name: str = "Test Person"
    kind: Any = "person"
    limits: dict[str, Decimal] = field(default_factory=dict)
    licence: str | None = None
    decision_id: UUID | None = None
    on_record: bool = True

    def but(self, **changes: Any) -> "Caller":
        """The same caller with some things different."""
        return replace(self, **changes)

    def request(self, method: str, path: str, **options: Any) -> Answer:
        """Send one request with a token for exactly the operation that the route declares."""
        headers = {HEADER: self.token(method, path), **options.pop("headers", {})}
        return cast(Answer, self.app.test_client().open(path, method=method, headers=headers, **options))

    def token(self, method: str, path: str) -> str:
        endpoint, _ = self.app.url_map.bind("localhost").match(path.split("?")[0], method)
        declared = operation_of(self.app, str(endpoint))
        assert declared is not None
        fresh = new_id() if declared.recorded_first and self.on_record else None
        return self.token_for(declared.operation, self.decision_id or fresh)

    def token_for(self, operation: str, decision_id: UUID | None = None) -> str:
        decided = Context(
            principal_id=self.principal_id,
            principal_kind=self.kind,
            principal_name=self.name,
            plane=self.plane,
            roles=self.roles,
            operation=operation,
            scope=self.scope,
            limits=self.limits,
            licence=self.licence,
            decision_id=decision_id,
        )
        return issue_context(self.keyring, decided, self.app.extensions["partywall"].settings.service)

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Answer:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Answer:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.request("DELETE", path, **options)
