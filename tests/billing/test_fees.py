"""Fee terms: proposed by the business side, judged by the rules dataset, decided by the clinical entity's owner."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from services.billing.fees.models import FeeTerms
from shared.decisions import ReservedDecision
from shared.keys import Keyring
from shared.outbox import Pending
from tests.billing.franchise import caller, make_franchise
from tests.billing.office import Office, make_office

FLAT = {"monthly_amount": "8000.00"}
PERCENT = {
    "percent": "12",
    "base_accounts": ["4000", "4100"],
    "excludes_marketing": True,
    "excludes_federal": True,
}


@pytest.fixture
def office(make_app: Callable[..., Flask], gateway_keys: Keyring) -> Office:
    return make_office(make_app("billing"), gateway_keys, "CA", "NY", "AL")


def test_a_percentage_fee_for_new_york_is_refused_with_policy_why_and_source(office: Office) -> None:
    ny = office.franchise.ny
    office.file_opinion(ny, "fee.pct_gross")
    answer = office.propose(ny, "fee.pct_gross", **PERCENT)
    assert answer.status_code == 409
    problem: Any = answer.json
    assert (problem["policy"], problem["source"], problem["outcome"]) == ("chk.state_model", "state:NY", "blocked")
    assert "Revenue-based fee not allowed" in problem["why"]
    assert any("6530" in cite for cite in problem["sources"])
    with office.franchise.transaction() as session:
        assert session.scalars(select(FeeTerms)).all() == []


def test_a_state_whose_rule_is_unknown_is_held_until_counsel_permits(office: Office) -> None:
    al = office.franchise.al
    office.file_opinion(al, "fee.pct_gross")
    terms: Any = office.propose(al, "fee.pct_gross", **PERCENT).json
    assert (terms["outcome"], terms["checks"][0]["severity"]) == ("held", "hold_for_counsel")
    refused: Any = office.owner(al).post(f"/fee-terms/{terms['id']}/approval")
    assert (refused.status_code, refused.json["policy"]) == (409, "chk.state_model")
    memo = {
        "state": "AL",
        "author": "Counsel LLP",
        "written_on": "2026-11-01",
        "fee_model": "fee.pct_gross",
        "conclusion": "permitted",
        "expires_on": "2027-10-31",
        "document": "MEMO-7",
    }
    assert office.controller(al).post("/counsel-memos", json=memo).status_code == 201
    checked: Any = office.controller(al).post(f"/fee-terms/{terms['id']}/check").json
    assert checked["outcome"] == "allowed"
    assert office.owner(al).post(f"/fee-terms/{terms['id']}/approval").status_code == 200


def test_a_percentage_fee_in_california_needs_an_opinion_and_then_stands(office: Office) -> None:
    ca = office.franchise.ca
    missing: Any = office.propose(ca, "fee.pct_gross", **PERCENT).json
    assert missing["policy"] == "chk.fmv_current"
    office.file_opinion(ca, "fee.pct_gross")
    outside: Any = office.propose(ca, "fee.pct_gross", **{**PERCENT, "percent": "15.01"}).json
    assert outside["policy"] == "chk.fee_in_band"
    terms: Any = office.propose(ca, "fee.pct_gross", **PERCENT).json
    assert (terms["status"], terms["outcome"], terms["effective_from"]) == ("proposed", "allowed", "2026-02")


def test_the_owners_decision_is_recorded_once_with_licence_rule_and_proposer(office: Office) -> None:
    ny = office.franchise.ny
    office.file_opinion(ny, "fee.flat_monthly")
    terms: Any = office.propose(ny, "fee.flat_monthly", **FLAT).json
    owner = office.owner(ny)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: owner.post(f"/fee-terms/{terms['id']}/approval"), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    with office.franchise.transaction() as session:
        taken = session.scalars(select(ReservedDecision)).one()
        told = session.scalars(select(Pending.type)).all()
    assert (taken.decision, taken.outcome) == ("billing.management_fee.approve", "approved")
    assert (taken.licence, str(taken.proposed_by)) == ("A12345", terms["proposed_by"])
    assert taken.rule_version == "2026-11-21"
    assert taken.after is not None and taken.after["monthly_amount"] == "8000.00"
    assert told.count("billing.decision.taken") == 1


@pytest.mark.parametrize("role", ["medical_director", "provider"])
def test_nobody_but_the_owner_decides(office: Office, role: str) -> None:
    ny = office.franchise.ny
    office.file_opinion(ny, "fee.flat_monthly")
    terms: Any = office.propose(ny, "fee.flat_monthly", **FLAT).json
    other = caller(office.app, office.keys, office.franchise.scope(ny), role)
    refused: Any = other.post(f"/fee-terms/{terms['id']}/approval")
    assert (refused.status_code, refused.json["source"]) == (403, "billing.management_fee.approve")


def test_a_business_role_cannot_decide_even_with_a_token_for_it(office: Office) -> None:
    ny = office.franchise.ny
    office.file_opinion(ny, "fee.flat_monthly")
    terms: Any = office.propose(ny, "fee.flat_monthly", **FLAT).json
    assert office.controller(ny).post(f"/fee-terms/{terms['id']}/approval").status_code == 403


def test_refused_terms_stay_refused(office: Office) -> None:
    ny = office.franchise.ny
    office.file_opinion(ny, "fee.flat_monthly")
    terms: Any = office.propose(ny, "fee.flat_monthly", **FLAT).json
    owner = office.owner(ny)
    refused: Any = owner.post(f"/fee-terms/{terms['id']}/refusal", json={"reason": "too much"}).json
    assert refused["status"] == "refused"
    assert owner.post(f"/fee-terms/{terms['id']}/approval").status_code == 409


def test_a_fee_pays_only_for_services_of_the_agreement(office: Office) -> None:
    answer: Any = office.propose(office.franchise.ny, "fee.flat_monthly", services=["hr"], **FLAT)
    assert (answer.status_code, answer.json["title"]) == (422, "A fee pays only for services that the agreement covers")


def test_another_entitys_agreement_and_terms_do_not_exist(office: Office) -> None:
    ca, ny = office.franchise.ca, office.franchise.ny
    office.file_opinion(ny, "fee.flat_monthly")
    foreign = office.propose(ny, "fee.flat_monthly", agreement_id=str(ca.agreement_id), **FLAT)
    assert foreign.status_code == 404
    terms: Any = office.propose(ny, "fee.flat_monthly", **FLAT).json
    assert office.owner(ca).get(f"/fee-terms/{terms['id']}").status_code == 404
    assert office.owner(ca).post(f"/fee-terms/{terms['id']}/approval").status_code == 404
    assert office.owner(ca).get("/fee-terms").json == {"items": [], "next": None}
    stranger = make_franchise(office.franchise.database, ("NY",))
    outside = caller(office.app, office.keys, stranger.scope(stranger.ny), "clinical_entity_owner")
    assert outside.get("/fmv-opinions").json == {"items": [], "next": None}


@pytest.mark.parametrize(
    "changes",
    [
        {"effective_from": "2026-13"},
        {"effective_from": "2026-11-01"},
        {"monthly_amount": 8000},
        {"monthly_amount": "-1.00"},
        {"monthly_amount": "1e3"},
        {"monthly_amount": None},
        {"fee_model": "flat"},
        {"services": []},
        {"surprise": 1},
    ],
)
def test_bad_terms_are_refused_and_nothing_changes(office: Office, changes: dict[str, Any]) -> None:
    ny = office.franchise.ny
    office.file_opinion(ny, "fee.flat_monthly")
    assert office.propose(ny, "fee.flat_monthly", **{**FLAT, **changes}).status_code == 422
    with office.franchise.transaction() as session:
        assert session.scalars(select(FeeTerms)).all() == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"low": "9"}, 422),
        ({"valued_on": "2027-01-01"}, 422),
        ({"expires_on": "2026-03-01"}, 422),
        ({"fee_model": "fee.nothing"}, 409),
        ({"services_covered": ["astrology"]}, 422),
    ],
)
def test_evidence_that_cannot_stand_is_refused(office: Office, changes: dict[str, Any], status: int) -> None:
    body = {
        "fee_model": "fee.pct_gross",
        "valuator": "V",
        "valued_on": "2026-03-01",
        "method": "m",
        "basis": "percent",
        "low": "5",
        "mid": "6",
        "high": "7",
        "services_covered": ["billing"],
        "expires_on": "2027-03-01",
        "document": "d",
        **changes,
    }
    assert office.controller(office.franchise.ca).post("/fmv-opinions", json=body).status_code == status
