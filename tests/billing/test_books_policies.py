"""Who may do what with the books and the management fee: the committed policies, as a table of roles."""

from dataclasses import replace

import pytest

from services.gateway.policies import matrix
from services.gateway.policies.facts import Facts
from services.gateway.policies.matrix import ENDED, SETTLED
from services.gateway.roles import ROLES

ENGINE, CATALOGUE = matrix.committed()
BILLER, CONTROLLER, AUDITOR, COMPLIANCE = "biller", "controller", "auditor", "compliance_officer"
OWNER = "clinical_entity_owner"
READERS = {CONTROLLER, AUDITOR, COMPLIANCE, OWNER}
FEE_READERS = {*READERS, BILLER}


def able(operation: str, facts: Facts = SETTLED) -> set[str]:
    declared = CATALOGUE.by_name[operation]
    return {role for role in ROLES if ENGINE.decide(declared, facts.of_role(role)).allowed}


@pytest.mark.parametrize(
    ("operation", "roles"),
    [
        ("billing.journal_entry.list", READERS),
        ("billing.journal_entry.read", READERS),
        ("billing.journal_entry.post", {CONTROLLER}),
        ("billing.journal_entry.reverse", {CONTROLLER}),
        ("billing.ledger_account.list", READERS),
        ("billing.ledger_account.read", READERS),
        ("billing.ledger_account.add", {CONTROLLER}),
        ("billing.trial_balance.read", READERS),
        ("billing.profit_and_loss.read", READERS),
        ("billing.period.list", READERS),
        ("billing.period_checklist.read", READERS),
        ("billing.period.close", {CONTROLLER, OWNER}),
        ("billing.period.reopen", {CONTROLLER, OWNER}),
        ("billing.fee_terms.propose", {CONTROLLER}),
        ("billing.fee_terms.check", {CONTROLLER, COMPLIANCE, OWNER}),
        ("billing.fee_terms.list", FEE_READERS),
        ("billing.fee_terms.read", FEE_READERS),
        ("billing.fee_terms.approve", {OWNER}),
        ("billing.fee_terms.refuse", {OWNER}),
        ("billing.fee_statement.draft", {CONTROLLER, BILLER}),
        ("billing.fee_statement.list", FEE_READERS),
        ("billing.fee_statement.read", FEE_READERS),
        ("billing.fee_statement.approve", {OWNER}),
        ("billing.fee_statement.refuse", {OWNER}),
        ("billing.fee_usage.record", {CONTROLLER, BILLER}),
        ("billing.fee_usage.list", FEE_READERS),
        ("billing.fmv_opinion.record", {CONTROLLER, COMPLIANCE, OWNER}),
        ("billing.fmv_opinion.list", FEE_READERS),
        ("billing.counsel_memo.record", {CONTROLLER, COMPLIANCE, OWNER}),
        ("billing.counsel_memo.list", FEE_READERS),
    ],
)
def test_who_does_what(operation: str, roles: set[str]) -> None:
    assert able(operation) == roles


def test_when_the_agreement_has_ended_only_the_owner_is_left_with_the_books() -> None:
    for operation in ("billing.journal_entry.list", "billing.fee_statement.read", "billing.period.close"):
        assert able(operation, replace(ENDED, winding_down=False)) == {OWNER}


def test_an_agreement_without_billing_or_bookkeeping_opens_no_books() -> None:
    buying_only = replace(SETTLED, agreement_services=frozenset({"procurement", "hr"}))
    assert able("billing.journal_entry.list", buying_only) == {OWNER}
    keeping = replace(SETTLED, agreement_services=frozenset({"bookkeeping"}))
    assert able("billing.journal_entry.list", keeping) == READERS


def test_a_refused_approval_names_the_reserved_decision_and_who_decides() -> None:
    declared = CATALOGUE.by_name["billing.fee_statement.approve"]
    verdict = ENGINE.decide(declared, SETTLED.of_role(CONTROLLER))
    assert (verdict.allowed, verdict.policy.name) == (False, "wall.reserved-decision")
    assert declared.reserved == "billing.management_fee.approve"
    assert ENGINE.who_can(declared, SETTLED.of_role(CONTROLLER)) == (OWNER,)
