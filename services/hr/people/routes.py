"""People over HTTP: /people."""

from typing import Any
from uuid import UUID

from services.hr.people import service
from services.hr.people.models import Person
from services.hr.people.schemas import IntroductionIn, PeopleQuery, PersonChangeIn, PersonIn, PersonOut
from shared.db import lock
from shared.web.fields import page_of
from shared.web.operations import Blueprint, context, etag, operation, require_match, session

blueprint = Blueprint("people", __name__, url_prefix="/people", description="Who works or may work for the franchise.")


@blueprint.route("", methods=["POST"])
@operation("hr.person.register", plane="any", scopes=("entity", "organization"))
@blueprint.arguments(PersonIn)
@blueprint.response(201, PersonOut)
def register(body: dict[str, Any]) -> Any:
    person = service.register(session(), context(), body)
    return person, 201, {"Location": f"/people/{person.id}", **etag(person.version)}


@blueprint.route("", methods=["GET"])
@operation("hr.person.list", plane="any", scopes=("location", "entity", "network"))
@blueprint.arguments(PeopleQuery, location="query")
@blueprint.response(200, page_of(PersonOut))
def find(query: dict[str, Any]) -> Any:
    return service.find(session(), **query)


@blueprint.route("/<uuid:person_id>", methods=["GET"])
@operation("hr.person.read", plane="any", scopes=("location", "entity", "network"))
@blueprint.response(200, PersonOut)
def read(person_id: UUID) -> Any:
    person = service.read(session(), person_id)
    return person, 200, etag(person.version)


@blueprint.route("/<uuid:person_id>", methods=["PATCH"])
@operation("hr.person.change", plane="any", scopes=("entity", "organization"), versioned=True)
@blueprint.arguments(PersonChangeIn)
@blueprint.response(200, PersonOut)
def change(body: dict[str, Any], person_id: UUID) -> Any:
    person = lock(session(), Person, person_id)
    require_match(person.version)
    service.change(session(), person, body)
    return person, 200, etag(person.version)


@blueprint.route("/<uuid:person_id>/introductions", methods=["POST"])
@operation("hr.person.introduce", plane="business", scopes=("organization",))
@blueprint.arguments(IntroductionIn)
@blueprint.response(200, PersonOut)
def introduce(body: dict[str, Any], person_id: UUID) -> Any:
    return service.introduce(session(), person_id, body["legal_entity_id"])
