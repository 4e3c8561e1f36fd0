"""Credentials over HTTP: /credential-kinds, /people/{id}/credentials, /credentials."""

from typing import Any
from uuid import UUID

from services.hr.credentials import schemas, service
from shared.web.fields import page_of
from shared.web.operations import Blueprint, ScopeKind, context, operation, session

READ: tuple[ScopeKind, ...] = ("location", "entity", "network")
blueprint = Blueprint("credentials", __name__, description="Licences, certificates and checks, with their evidence.")


@blueprint.route("/credential-kinds", methods=["GET"])
@operation("hr.credential_kind.list", plane="any", scopes=READ)
@blueprint.response(200, schemas.KindsOut)
def kinds() -> Any:
    """The kinds of credentials that the rules know."""
    return {"items": service.kinds(session())}


@blueprint.route("/people/<uuid:person_id>/credentials", methods=["POST"])
@operation("hr.credential.record", plane="any", scopes=("entity", "network"))
@blueprint.arguments(schemas.CredentialIn)
@blueprint.response(201, schemas.CredentialOut)
def record(body: dict[str, Any], person_id: UUID) -> Any:
    """Record a credential; a renewal is a new record."""
    standing = service.record(session(), context(), person_id, body)
    return standing, 201, {"Location": f"/credentials/{standing.credential.id}"}


@blueprint.route("/credentials", methods=["GET"])
@operation("hr.credential.list", plane="any", scopes=READ)
@blueprint.arguments(schemas.CredentialsQuery, location="query")
@blueprint.response(200, page_of(schemas.CredentialOut))
def listing(query: dict[str, Any]) -> Any:
    """Credentials, newest record first."""
    return service.find(session(), **query)


@blueprint.route("/credentials/<uuid:credential_id>", methods=["GET"])
@operation("hr.credential.read", plane="any", scopes=READ)
@blueprint.response(200, schemas.CredentialOut)
def read(credential_id: UUID) -> Any:
    """One credential."""
    return service.read(session(), credential_id)


@blueprint.route("/credentials/<uuid:credential_id>/verifications", methods=["POST"])
@operation("hr.credential.verify", plane="any", scopes=("entity", "network"))
@blueprint.arguments(schemas.VerificationIn)
@blueprint.response(201, schemas.CredentialOut)
def verify(body: dict[str, Any], credential_id: UUID) -> Any:
    """Record what a look-up at the source found."""
    return service.verify(session(), context(), credential_id, body)
