"""The organization over HTTP."""

from typing import Any

from services.gateway.organizations import service
from services.gateway.organizations.schemas import OrganizationOut
from shared.web.operations import Blueprint, context, etag, operation, session

blueprint = Blueprint("organizations", __name__, url_prefix="/organization", description="The franchise itself")


@blueprint.route("", methods=["GET"])
@operation("gateway.organization.read", plane="any", scopes=("network", "entity", "location"))
@blueprint.response(200, OrganizationOut)
def read() -> Any:
    """The caller's organization."""
    organization = service.read(session(), context().organization_id)
    return organization, 200, etag(organization.version)
