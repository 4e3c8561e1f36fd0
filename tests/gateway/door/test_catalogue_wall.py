"""The committed operations against the committed policies: what must be proved of the wall, for every one of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.gateway.catalogue.operations import Operation
from services.gateway.door.scoping import Address, resolve
from services.gateway.policies import engine as engines
from services.gateway.policies import matrix
from services.gateway.policies.facts import Facts
from services.gateway.policies.matrix import ENDED, NEVER, NO_ASSOCIATE, NO_PURPOSE, SETTLED
from services.gateway.roles import ROLES, of_plane
from tests.gateway.door import franchise as f

ROOT = Path(__file__).resolve().parents[3]
ENGINE, CATALOGUE = matrix.committed()
OPERATIONS = CATALOGUE.operations
BUSINESS = [role.name for role in of_plane("business")]
CLINICAL = [role.name for role in of_plane("clinical")]


def there(operation: Operation, facts: Facts) -> Facts:
    """The directory itself needs no agreement."""
    return replace(facts, needs_agreement=operation.service != "gateway")


def able(operation: Operation, facts: Facts, roles: list[str]) -> set[str]:
    return {name for name in roles if ENGINE.decide(operation, there(operation, facts).of_role(name)).allowed}


def each(*operations: Operation) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", operations, ids=lambda operation: operation.name)


def test_the_policies_fit_the_schema_and_name_only_operations_that_exist() -> None:
    assert engines.faults(CATALOGUE) == []


def test_the_committed_access_matrix_is_what_the_policies_say() -> None:
    assert (ROOT / matrix.PAGE).read_text() == matrix.render(ENGINE, CATALOGUE), "run: python -m services matrix"


def test_no_permit_is_given_to_a_role_that_can_never_be_where_it_counts() -> None:
    assert matrix.idle(ENGINE, CATALOGUE) == []


@each(*OPERATIONS)
def test_every_operation_can_be_done_by_somebody(operation: Operation) -> None:
    assert ENGINE.who_can(operation, there(operation, SETTLED))


@each(*OPERATIONS)
def test_who_holds_nothing_finds_no_place_and_gets_nothing_from_the_network(operation: Operation) -> None:
    for plane in ("business", "clinical"):
        nobody = f.make_caller(plane=plane)
        for address in (Address("location", f.OAKLAND.id), Address("entity", f.LAKESIDE.id)):
            assert resolve(ENGINE, operation, address, nobody).policy.name == "wall.not-yours"
        assert not resolve(ENGINE, operation, Address("network"), nobody).allowed


@each(*OPERATIONS)
def test_every_role_elsewhere_finds_no_such_place(operation: Operation) -> None:
    for role in ROLES.values():
        kind = next((kind for kind in ("location", "legal_entity") if kind in role.over), None)
        if kind is None:
            continue
        there = {"location": "Albany", "legal_entity": "Hudson Aesthetics PLLC"}[kind]
        caller = f.make_caller(f.make_grant(role.name, kind, there), plane=role.plane)
        for address in (
            Address("location", f.OAKLAND.id),
            Address("entity", f.LAKESIDE.id),
            Address("location", f.named("another organization's site")),
        ):
            assert resolve(ENGINE, operation, address, caller).policy.name == "wall.not-yours"


@each(*(operation for operation in OPERATIONS if operation.reserved))
def test_a_reserved_decision_is_its_deciders_alone(operation: Operation) -> None:
    for name in BUSINESS:
        verdict = ENGINE.decide(operation, there(operation, SETTLED).of_role(name))
        assert (verdict.allowed, verdict.policy.name) == (False, "wall.reserved-decision")
        assert verdict.policy.source
    everything_at_once = replace(SETTLED, roles=frozenset(BUSINESS))
    assert not ENGINE.decide(operation, everything_at_once).allowed
    assert able(operation, NEVER, CLINICAL) == {operation.decider}


@each(*(operation for operation in OPERATIONS if operation.plane != "any"))
def test_an_operation_of_one_plane_is_shut_on_the_other(operation: Operation) -> None:
    assert able(operation, SETTLED, CLINICAL if operation.plane == "business" else BUSINESS) == set()


@each(*(operation for operation in OPERATIONS if operation.service != "gateway"))
def test_without_an_agreement_the_business_side_gets_nothing_of_a_service(operation: Operation) -> None:
    assert able(operation, NEVER, BUSINESS) == set()
    assert able(operation, ENDED, BUSINESS) <= {"wind_down"}


@each(*(operation for operation in OPERATIONS if operation.service != "gateway"))
def test_an_agreement_over_another_service_opens_nothing(operation: Operation) -> None:
    other = frozenset({"marketing", "facilities", "it"})
    assert able(operation, replace(SETTLED, agreement_services=other), BUSINESS) == set()


@each(*(operation for operation in OPERATIONS if operation.data_class != "business"))
def test_patient_data_needs_purpose_and_associate_agreement_on_the_business_side(operation: Operation) -> None:
    assert able(operation, NO_PURPOSE, BUSINESS) == set()
    assert able(operation, NO_ASSOCIATE, BUSINESS) == set()
    assert operation.recorded_first


@each(*(operation for operation in OPERATIONS if operation.writes))
def test_auditors_and_wind_down_stewards_change_nothing(operation: Operation) -> None:
    assert able(operation, SETTLED, ["auditor", "wind_down", "ops"]) == set()
    assert able(operation, ENDED, ["auditor", "wind_down", "ops"]) == set()


@each(*OPERATIONS)
def test_operations_engineers_get_nothing(operation: Operation) -> None:
    assert able(operation, SETTLED, ["ops"]) == set()


@each(*OPERATIONS)
def test_an_operation_is_found_where_it_stands_and_nowhere_else(operation: Operation) -> None:
    segments = ["x" if segment.startswith("{") else segment for segment in operation.path.strip("/").split("/")]
    assert CATALOGUE.find(operation.service, segments)[operation.method] is operation
    assert operation not in CATALOGUE.find(operation.service, [*segments, "more"]).values()
    assert CATALOGUE.find("nothing", segments) == {}
