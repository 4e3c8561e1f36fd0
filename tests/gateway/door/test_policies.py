"""The policies: the wall against any permit, deny by default, and files that fit the schema."""

from dataclasses import replace

import pytest

from services.gateway.policies import engine as engines
from services.gateway.policies.engine import BadPolicies, Engine
from services.gateway.policies.facts import Facts
from services.gateway.roles import AGREEMENT_SERVICES, DECIDERS, ROLES, of_plane
from tests.gateway.door import franchise as f

WALL = engines.files()["wall.cedar"]
ENGINE = Engine({"wall.cedar": WALL, "test.cedar": f.PERMITS})
EVERYTHING = frozenset({"procurement", "hr", "billing", "bookkeeping", "marketing", "facilities", "it"})


def at_site(*roles: str, plane: str = "business", **changes: object) -> Facts:
    facts = Facts(
        plane,  # type: ignore[arg-type]
        frozenset(roles),
        needs_agreement=True,
        agreement_in_force=True,
        agreement_services=EVERYTHING,
        baa=True,
        purpose_grant=True,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def test_nothing_is_permitted_unless_a_policy_says_so() -> None:
    verdict = Engine({"wall.cedar": WALL}).decide(f.DRAFT, at_site("franchise_admin"))
    assert not verdict.allowed
    assert verdict.policy.name == "wall.deny-by-default"


def test_an_operation_no_policy_names_is_denied() -> None:
    unknown = f.make_operation("procurement.moon.sell")
    assert not any(ENGINE.decide(unknown, at_site(role, plane=ROLES[role].plane)).allowed for role in ROLES)


@pytest.mark.parametrize("role", [role.name for role in of_plane("business")])
def test_no_business_role_takes_a_reserved_decision_even_where_a_permit_forgot_the_wall(role: str) -> None:
    verdict = ENGINE.decide(f.APPROVE, at_site(role))
    assert not verdict.allowed
    assert verdict.policy.name == "wall.reserved-decision"


@pytest.mark.parametrize("role", [role.name for role in of_plane("clinical")])
def test_only_its_decider_takes_a_reserved_decision_on_the_clinical_side(role: str) -> None:
    verdict = ENGINE.decide(f.APPROVE, at_site(role, plane="clinical"))
    assert verdict.allowed is (role == "medical_director")


def test_a_decider_decides_whatever_the_agreement_says() -> None:
    facts = at_site("medical_director", plane="clinical", agreement_in_force=False, agreement_services=frozenset())
    assert ENGINE.decide(f.APPROVE, facts).allowed


def test_the_role_name_of_a_decider_on_the_business_plane_decides_nothing() -> None:
    assert not ENGINE.decide(f.APPROVE, at_site("medical_director")).allowed


def test_a_machine_decides_nothing_reserved_whatever_role_it_holds() -> None:
    verdict = ENGINE.decide(f.APPROVE, at_site("medical_director", plane="clinical", person=False))
    assert verdict.policy.name == "wall.reserved-decision"


def test_an_operation_of_one_plane_is_closed_to_the_other() -> None:
    verdict = ENGINE.decide(replace(f.DRAFT, plane="business"), at_site("clinical_entity_owner", plane="clinical"))
    assert verdict.policy.name == "wall.plane"


def test_without_an_agreement_the_business_side_gets_nothing() -> None:
    verdict = ENGINE.decide(f.DRAFT, at_site("location_manager", agreement_in_force=False))
    assert not verdict.allowed
    assert verdict.policy.name == "wall.agreement-in-force"


@pytest.mark.parametrize("service", sorted(AGREEMENT_SERVICES))
@pytest.mark.parametrize("scope", sorted(EVERYTHING))
def test_an_agreement_opens_exactly_the_services_in_its_scope(service: str, scope: str) -> None:
    operation = f.make_operation(f"{service}.thing.read", writes=False)
    permit = f"""@id("t.read") @why("w") permit (principal, action == Action::"{operation.name}", resource);"""
    engine = Engine({"wall.cedar": WALL, "test.cedar": permit})
    verdict = engine.decide(operation, at_site("biller", agreement_services=frozenset({scope})))
    assert verdict.allowed is (scope in AGREEMENT_SERVICES[service])


def test_an_unknown_service_of_the_platform_is_opened_by_no_agreement() -> None:
    operation = f.make_operation("marketing.campaign.read", writes=False)
    permit = f"""@id("t.read") @why("w") permit (principal, action == Action::"{operation.name}", resource);"""
    engine = Engine({"wall.cedar": WALL, "test.cedar": permit})
    assert engine.decide(operation, at_site("biller")).policy.name == "wall.agreement-in-force"


def test_the_clinical_side_needs_no_agreement_to_work_at_its_own_site() -> None:
    facts = at_site("clinical_entity_owner", plane="clinical", agreement_in_force=False)
    assert ENGINE.decide(f.DRAFT, facts).allowed


def test_a_wind_down_steward_reads_what_the_ended_agreement_covered_and_writes_nothing() -> None:
    ended = at_site("wind_down", agreement_in_force=False, winding_down=True)
    assert ENGINE.decide(f.LIST, ended).policy.name == "wall.wind-down-reads"
    assert not ENGINE.decide(f.DRAFT, ended).allowed
    assert not ENGINE.decide(f.ACCOUNT, ended).allowed
    assert not ENGINE.decide(f.LIST, replace(ended, agreement_services=frozenset({"hr"}))).allowed


def test_a_wind_down_steward_is_nobody_where_no_agreement_ever_was() -> None:
    facts = at_site("wind_down", agreement_in_force=False, agreement_services=frozenset())
    assert not ENGINE.decide(f.LIST, facts).allowed


@pytest.mark.parametrize(("purpose", "baa"), [(False, True), (True, False), (False, False)])
def test_a_biller_needs_both_a_purpose_grant_and_an_associate_agreement(purpose: bool, baa: bool) -> None:
    verdict = ENGINE.decide(f.ACCOUNT, at_site("biller", purpose_grant=purpose, baa=baa))
    assert not verdict.allowed
    assert verdict.policy.name == "wall.patient-data"
    assert ENGINE.decide(f.ACCOUNT, at_site("biller")).allowed


def test_a_provider_reads_patient_accounts_without_a_purpose_grant() -> None:
    assert ENGINE.decide(f.ACCOUNT, at_site("provider", plane="clinical", purpose_grant=False, baa=False)).allowed


def test_clinical_data_never_reaches_the_business_plane() -> None:
    assert ENGINE.decide(f.CHART, at_site("biller")).policy.name == "wall.clinical-data"
    assert ENGINE.decide(f.CHART, at_site("provider", plane="clinical")).allowed


def test_an_auditor_never_writes_even_with_another_role() -> None:
    verdict = ENGINE.decide(f.DRAFT, at_site("auditor", "location_manager"))
    assert verdict.policy.name == "wall.auditor-reads"
    assert ENGINE.decide(f.LIST, at_site("auditor")).allowed


def test_operations_engineers_get_nothing_through_the_door() -> None:
    assert ENGINE.decide(f.LIST, at_site("ops")).policy.name == "wall.operations-metrics"
    assert ENGINE.decide(f.LIST, at_site("ops", "location_manager")).allowed


def test_a_policy_that_cannot_be_evaluated_denies() -> None:
    broken = """@id("t.any") @why("w") permit (principal, action, resource);
    @id("t.broken") @why("w") forbid (principal, action, resource) when { context.nonsense };"""
    verdict = Engine({"test.cedar": broken}).decide(f.DRAFT, at_site("location_manager"))
    assert not verdict.allowed
    assert verdict.policy.name == "wall.fail-closed"


def test_a_refusal_names_who_could() -> None:
    assert ENGINE.who_can(f.APPROVE, at_site("network_buyer")) == ("medical_director",)
    assert ENGINE.who_can(f.VENDOR, at_site("front_desk")) == ("network_buyer",)
    ended = at_site("location_manager", agreement_in_force=False)
    assert ENGINE.who_can(f.DRAFT, ended) == ("clinical_entity_owner",)


@pytest.mark.parametrize(
    "text",
    [
        "permit (principal, action, resource);",
        '@id("a") permit (principal, action, resource);',
        '@id("a") @why("w") permit (principal, action, resource);' * 2,
        '@id("a") @why("w") permit (principal == ?principal, action, resource);',
        "permit (principal, action, resource) when {",
    ],
)
def test_a_policy_without_id_and_reason_stops_the_start(text: str) -> None:
    with pytest.raises(BadPolicies):
        Engine({"test.cedar": text})


def test_every_decider_of_the_dataset_is_a_clinical_role_of_one_entity() -> None:
    for role in DECIDERS.values():
        assert ROLES[role].plane == "clinical"
        assert "organization" not in ROLES[role].over
