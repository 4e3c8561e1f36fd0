"""Who may do what with patients' money: the committed policies, as a table of roles."""

from dataclasses import replace

import pytest

from services.gateway.policies import matrix
from services.gateway.policies.facts import Facts
from services.gateway.policies.matrix import ENDED, NO_ASSOCIATE, NO_PURPOSE, SETTLED
from services.gateway.roles import ROLES

ENGINE, CATALOGUE = matrix.committed()
PATIENT_DATA = [
    operation.name
    for operation in CATALOGUE.operations
    if operation.service == "billing" and operation.data_class == "patient_account"
]
MACHINE, DESK, BILLER, CONTROLLER, MANAGER = "clinical_system", "front_desk", "biller", "controller", "location_manager"
OWNER, DIRECTOR, PROVIDER = "clinical_entity_owner", "medical_director", "provider"
OFFICE = {BILLER, DESK, CONTROLLER, MANAGER, "franchise_admin", "compliance_officer", "auditor"}


def able(operation: str, facts: Facts = SETTLED) -> set[str]:
    declared = CATALOGUE.by_name[operation]
    return {role for role in ROLES if ENGINE.decide(declared, facts.of_role(role)).allowed}


@pytest.mark.parametrize(
    ("operation", "roles"),
    [
        ("billing.charge.import", {MACHINE}),
        ("billing.account.open", {MACHINE, BILLER, DESK}),
        ("billing.account.read", {BILLER, DESK, OWNER, DIRECTOR, PROVIDER}),
        ("billing.account.list", {BILLER, DESK, OWNER, DIRECTOR, PROVIDER}),
        ("billing.charge.list", {BILLER, OWNER, DIRECTOR, PROVIDER}),
        ("billing.charge.correct", {PROVIDER}),
        ("billing.charge.void", {PROVIDER}),
        ("billing.statement.read", {BILLER, DESK, OWNER}),
        ("billing.unbilled.list", {*OFFICE, OWNER}),
        ("billing.invoice.issue", {BILLER, DESK}),
        ("billing.invoice.list", {*OFFICE, OWNER}),
        ("billing.payment.receive", {BILLER, DESK}),
        ("billing.credit_note.issue", {BILLER, CONTROLLER}),
        ("billing.refund.request", {BILLER, DESK, CONTROLLER}),
        ("billing.refund.decide", {DIRECTOR}),
        ("billing.refund.pay", {BILLER, CONTROLLER}),
        ("billing.tax_rule.record", {CONTROLLER}),
    ],
)
def test_who_does_what(operation: str, roles: set[str]) -> None:
    assert able(operation) == roles


@pytest.mark.parametrize("operation", PATIENT_DATA)
@pytest.mark.parametrize("lacking", [NO_PURPOSE, NO_ASSOCIATE], ids=["purpose", "associate"])
def test_without_purpose_grant_or_associate_agreement_no_office_role_sees_a_patient(
    operation: str, lacking: Facts
) -> None:
    assert {role for role in able(operation, lacking) if ROLES[role].plane == "business"} == set()


def test_without_a_purpose_grant_the_office_still_invoices_and_takes_money_by_account_number() -> None:
    for operation in ("billing.unbilled.list", "billing.invoice.issue", "billing.payment.receive"):
        assert able(operation, NO_PURPOSE) == able(operation)


def test_when_the_agreement_has_ended_only_the_clinical_side_still_reads_its_revenue() -> None:
    for operation in ("billing.invoice.list", "billing.payment.list", "billing.takings.read"):
        assert able(operation, replace(ENDED, winding_down=False)) == {OWNER}
