"""A small service to test the kernel on: boxes on shelves of a location."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped

from shared.contracts.base import Event
from shared.db import Base, EntityOwned, HasId, LocationOwned, OrganizationOwned, Versioned, lock
from shared.errors import Conflict
from shared.outbox import emit
from shared.web.fields import Money, Schema, Text
from shared.web.operations import Blueprint, context, etag, operation, require_match, session


class SampleBox(HasId, LocationOwned, Versioned, Base):
    """A box."""

    __tablename__ = "sample_box"
    label: Mapped[str]


class SampleBook(HasId, EntityOwned, Base):
    """A book of a legal entity that is never changed."""

    __tablename__ = "sample_book"
    __append_only__ = True
    title: Mapped[str]


class SampleBrand(HasId, OrganizationOwned, Base):
    """Something of the whole organization."""

    __tablename__ = "sample_brand"
    name: Mapped[str]


class BoxLabelled(Event, frozen=True, kw_only=True):
    """A box got its label."""

    type = "sample.box.labelled"
    box_id: UUID
    label: str


class Sealed(Conflict):
    """A sealed box cannot be labelled."""


class BoxSchema(Schema):
    """A box in and out."""

    label = Text(required=True, max=20)
    price = Money(load_default=None)


blueprint = Blueprint("boxes", __name__, url_prefix="/boxes")


@blueprint.route("", methods=["POST"])
@operation("procurement.box.create", plane="business", scopes=("location",))
@blueprint.arguments(BoxSchema)
@blueprint.response(201)
def create(body: dict[str, Any]) -> Any:
    """Make a box."""
    scope = context().scope
    box = SampleBox(organization_id=scope.organization_id, location_id=scope.location_id, label=body["label"])
    session().add(box)
    session().flush()
    if box.label == "sealed":
        raise Sealed("Open it first.")
    emit(session(), BoxLabelled(box_id=box.id, label=box.label), box)
    return {"id": str(box.id)}, 201, {"Location": f"/boxes/{box.id}", **etag(box.version)}


@blueprint.route("/<uuid:box_id>", methods=["PUT"])
@operation("procurement.box.change", plane="business", scopes=("location",), idempotency="required")
@blueprint.arguments(BoxSchema)
@blueprint.response(200)
def change(body: dict[str, Any], box_id: UUID) -> Any:
    """Change a box."""
    box = lock(session(), SampleBox, box_id)
    require_match(box.version)
    box.label = body["label"]
    session().flush()
    return {"label": box.label}, 200, etag(box.version)


@blueprint.route("/broken", methods=["GET"])
@operation("procurement.box.read", plane="business", scopes=("location",))
def broken() -> Any:
    """Fail in a way nobody foresaw."""
    raise RuntimeError("Jane Roe, born 1980-01-01")
