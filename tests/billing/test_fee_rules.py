"""The fee-splitting guard and the formulas, without a database."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.billing.evidence.models import CounselMemo, FairMarketValueOpinion
from services.billing.fee_statements.rules import (
    Correction,
    Item,
    Revenue,
    Span,
    disguised_percentage,
    figure,
    share_of_profit,
    span,
)
from services.billing.fees.judgement import Judgement, Outcome
from services.billing.fees.models import FeeTerms, MissingTerm
from services.billing.fees.rules import Dossier, StateOfCare, judge
from shared.ids import new_id
from tests.billing.rulebook import dataset, row, rule

ON = date(2026, 11, 22)
CHECKS = {entry.key: row(entry) for entry in dataset() if entry.kind == "check"}


def make_opinion(fee_model: str = "fee.pct_gross", **changes: Any) -> FairMarketValueOpinion:
    values: dict[str, Any] = {
        "fee_model": fee_model,
        "valued_on": date(2026, 3, 1),
        "expires_on": date(2027, 3, 1),
        "basis": "percent",
        "low": Decimal(10),
        "mid": Decimal(13),
        "high": Decimal(16),
        "services_covered": ["procurement", "billing"],
    }
    return FairMarketValueOpinion(**{**values, **changes})


def make_memo(state: str, conclusion: str = "permitted", fee_model: str = "fee.pct_gross") -> CounselMemo:
    return CounselMemo(state=state, fee_model=fee_model, conclusion=conclusion, written_on=date(2026, 10, 1))


def make_dossier(model: str = "fee.pct_gross", *states: str, **changes: Any) -> Dossier:
    dossier = Dossier(
        on=ON,
        model=rule("fee_model", model),
        policy=rule("fee_policy", "state_policy"),
        checks=CHECKS,
        states=[StateOfCare(code, rule("state", code), None) for code in states or ("CA",)],
        opinion=make_opinion(model),
        services=["procurement", "billing"],
        signed_on=date(2026, 1, 15),
        starts_on=date(2026, 2, 1),
        ends_on=None,
        rate=Decimal(12),
        excludes_marketing=True,
        excludes_federal=True,
    )
    return replace(dossier, **changes)


def failed(judgement: Judgement) -> list[str]:
    return [check.id for check in judgement.checks if check.outcome == judgement.outcome]


def test_a_percentage_fee_with_a_current_opinion_is_allowed_in_california() -> None:
    judgement = judge(make_dossier())
    assert (judgement.outcome, judgement.checks) == (Outcome.ALLOWED, [])


def test_a_percentage_fee_is_blocked_in_new_york_with_its_source() -> None:
    judgement = judge(make_dossier("fee.pct_gross", "NY"))
    assert (judgement.outcome, failed(judgement)) == (Outcome.BLOCKED, ["chk.state_model"])
    check = judgement.checks[0]
    assert (check.source, check.rule_version) == ("state:NY", "2026-11-21")
    assert any("6530" in cite for cite in check.cites)
    assert "flat, cost-plus or per-service" in check.why


def test_no_memo_lifts_a_prohibition() -> None:
    states = [StateOfCare("NY", rule("state", "NY"), make_memo("NY"))]
    assert judge(make_dossier(states=states)).outcome == Outcome.BLOCKED


@pytest.mark.parametrize("state", ["AL", "OR"])  # unknown, restricted
def test_an_unknown_or_restricted_state_is_held_for_counsel_until_a_memo_permits(state: str) -> None:
    assert judge(make_dossier("fee.pct_gross", state)).outcome == Outcome.HELD
    states = [StateOfCare(state, rule("state", state), make_memo(state))]
    assert judge(make_dossier(states=states)).outcome == Outcome.ALLOWED


def test_a_memo_against_it_blocks_where_the_state_would_allow() -> None:
    states = [StateOfCare("CA", rule("state", "CA"), make_memo("CA", "not_permitted"))]
    assert judge(make_dossier(states=states)).outcome == Outcome.BLOCKED


def test_weak_confidence_asks_for_a_memo_even_where_a_percentage_is_allowed() -> None:
    assert rule("state", "AZ").body["fee_confidence"] == "general_knowledge"
    judgement = judge(make_dossier("fee.pct_gross", "AZ"))
    assert judgement.outcome == Outcome.HELD
    assert "general_knowledge" in judgement.checks[0].why


def test_the_strictest_state_of_a_shared_agreement_governs() -> None:
    assert judge(make_dossier("fee.pct_gross", "CA", "AL")).outcome == Outcome.HELD
    assert judge(make_dossier("fee.pct_gross", "CA", "AL", "NY")).outcome == Outcome.BLOCKED


def test_a_stale_state_entry_counts_as_unknown() -> None:
    later = date(2027, 7, 1)
    opinion = make_opinion(valued_on=date(2027, 3, 1), expires_on=date(2028, 3, 1))
    judgement = judge(make_dossier(on=later, opinion=opinion))
    assert judgement.outcome == Outcome.HELD
    assert {check.id for check in judgement.checks} == {"chk.state_model", "chk.rules_stale"}


def test_a_stale_prohibition_still_stands() -> None:
    assert judge(make_dossier("fee.pct_gross", "NY", on=date(2027, 7, 1))).outcome == Outcome.BLOCKED


def test_a_state_that_the_dataset_does_not_have_is_held() -> None:
    assert judge(make_dossier(states=[StateOfCare("PR", None, None)])).outcome == Outcome.HELD


@pytest.mark.parametrize("state", sorted({entry.key for entry in dataset() if entry.kind == "state"}))
def test_a_flat_fee_inside_its_band_is_allowed_in_every_state(state: str) -> None:
    opinion = make_opinion("fee.flat_monthly", basis="monthly_amount", low=Decimal(5000), high=Decimal(9000))
    judgement = judge(make_dossier("fee.flat_monthly", state, opinion=opinion, rate=None, monthly=Decimal(8000)))
    assert judgement.outcome == Outcome.ALLOWED


@pytest.mark.parametrize("state", sorted({entry.key for entry in dataset() if entry.kind == "state"}))
def test_a_share_of_profit_is_never_allowed(state: str) -> None:
    assert judge(make_dossier("fee.pct_profit", state)).outcome == Outcome.BLOCKED


def test_without_a_current_opinion_no_fee_is_allowed() -> None:
    judgement = judge(make_dossier(opinion=None))
    assert (judgement.outcome, failed(judgement)) == (Outcome.BLOCKED, ["chk.fmv_current"])


def test_an_opinion_must_cover_the_services_of_the_fee() -> None:
    judgement = judge(make_dossier(opinion=make_opinion(services_covered=["billing"])))
    assert failed(judgement) == ["chk.fmv_current"]
    assert "procurement" in judgement.checks[0].why


@pytest.mark.parametrize(
    ("rate", "outcome"), [("10", "allowed"), ("16", "allowed"), ("9.9", "blocked"), ("16.1", "blocked")]
)
def test_the_rate_lies_inside_the_fair_market_band(rate: str, outcome: str) -> None:
    assert judge(make_dossier(rate=Decimal(rate))).outcome == outcome


def test_an_opinion_on_an_amount_does_not_speak_for_a_percentage() -> None:
    assert failed(judge(make_dossier(opinion=make_opinion(basis="monthly_amount")))) == ["chk.fmv_current"]


def test_a_fee_that_moves_with_revenue_may_not_include_marketing() -> None:
    assert failed(judge(make_dossier(excludes_marketing=False))) == ["chk.marketing_mix"]
    with_marketing = make_dossier(
        services=["billing", "marketing"], opinion=make_opinion(services_covered=["billing", "marketing"])
    )
    assert failed(judge(with_marketing)) == ["chk.marketing_mix"]


def test_federal_revenue_in_the_base_is_flagged() -> None:
    judgement = judge(make_dossier(excludes_federal=False))
    assert judgement.outcome == Outcome.ALLOWED
    assert [check.id for check in judgement.checks] == ["chk.federal_revenue"]


@pytest.mark.parametrize("signed_on", [None, date(2026, 2, 2)])
def test_an_agreement_is_signed_before_its_services_start(signed_on: date | None) -> None:
    assert failed(judge(make_dossier(signed_on=signed_on))) == ["chk.signatures"]


@pytest.mark.parametrize(("ends_on", "outcome"), [(date(2027, 1, 31), "allowed"), (date(2027, 1, 30), "blocked")])
def test_an_agreement_lasts_a_year(ends_on: date, outcome: str) -> None:
    assert judge(make_dossier(ends_on=ends_on)).outcome == outcome


def test_a_treatment_is_no_unit_of_an_administrative_menu() -> None:
    opinion = make_opinion("fee.per_service_menu", basis="monthly_amount", high=Decimal(9000))
    menu = make_dossier("fee.per_service_menu", opinion=opinion, rate=None, menu_units=["payroll_run"])
    assert judge(menu).outcome == Outcome.ALLOWED
    assert judge(replace(menu, menu_units=["payroll_run", "filler_treatment"])).outcome == Outcome.BLOCKED


def test_a_model_without_a_formula_is_not_guessed() -> None:
    opinion = make_opinion("fee.hybrid_floor_cap", basis="monthly_amount")
    assert "chk.invoice_formula" in failed(judge(make_dossier("fee.hybrid_floor_cap", opinion=opinion)))


def make_terms(fee_model: str, **changes: Any) -> FeeTerms:
    empty: dict[str, Any] = {"base_accounts": [], "cost_categories": [], "menu": []}
    return FeeTerms(fee_model=fee_model, effective_from=date(2026, 1, 1), **{**empty, **changes})


@pytest.mark.parametrize("model", ["fee.flat_monthly", "fee.pct_gross", "fee.cost_plus", "fee.per_service_menu"])
def test_terms_say_what_their_model_is_figured_from(model: str) -> None:
    with pytest.raises(MissingTerm):
        make_terms(model).check_complete()


NOVEMBER = Span(date(2026, 11, 1), date(2026, 11, 30), 30)


def test_a_flat_fee_is_prorated_by_the_days_in_force() -> None:
    terms = make_terms("fee.flat_monthly", monthly_amount=Decimal("8000.00"))
    assert figure(terms, NOVEMBER).amount == Decimal("8000.00")
    half = span(date(2026, 11, 1), date(2026, 11, 20), None)
    assert half is not None
    assert figure(terms, half).amount == Decimal("2933.33")


def test_the_days_in_force_lie_inside_the_month() -> None:
    assert span(date(2026, 2, 1), date(2026, 1, 1), date(2026, 2, 10)) == Span(date(2026, 2, 1), date(2026, 2, 10), 28)
    assert span(date(2026, 12, 1), date(2026, 1, 1), date(2026, 11, 30)) is None


def test_a_percentage_of_gross_shows_its_base_by_account() -> None:
    revenue = [
        Revenue("4000", "Service revenue", Decimal("10000.00"), 12),
        Revenue("4100", "Retail", Decimal("0.05"), 1),
    ]
    working = figure(make_terms("fee.pct_gross", percent=Decimal("12.5")), NOVEMBER, revenue=revenue)
    assert (working.base, working.amount) == (Decimal("10000.05"), Decimal("1250.01"))
    assert [line.section for line in working.lines] == ["base", "base", "fee"]


def test_a_late_invoice_is_charged_with_the_next_statement() -> None:
    correction = Correction("2026-10", Decimal(10), stated=Decimal("1000.00"), now=Decimal("1500.00"))
    terms = make_terms("fee.pct_gross", percent=Decimal(10))
    revenue = [Revenue("4000", "Service revenue", Decimal("2000.00"), 1)]
    assert figure(terms, NOVEMBER, revenue=revenue, correction=correction).amount == Decimal("250.00")


def test_a_fee_is_never_below_zero() -> None:
    revenue = [Revenue("4000", "Service revenue", Decimal("-50.00"), 1)]
    assert figure(make_terms("fee.pct_gross", percent=Decimal(10)), NOVEMBER, revenue=revenue).amount == 0


def test_cost_plus_charges_allowable_costs_and_shows_what_it_leaves_out() -> None:
    def item(kind: str, value: str) -> Item:
        return Item(new_id(), kind, Decimal(value), date(2026, 11, 5), "GR-1 PAPER")

    items = [item("supplies", "100.00"), item("supplies", "33.33"), item("clinical_supplies", "900.00")]
    terms = make_terms("fee.cost_plus", percent=Decimal(8), cost_categories=["supplies"])
    working = figure(terms, NOVEMBER, items=items)
    assert (working.base, working.amount) == (Decimal("133.33"), Decimal("144.00"))
    assert working.items == [items[0].id, items[1].id]
    assert [line.document for line in working.lines if line.section == "cost"] == ["GR-1 PAPER"] * 3
    assert "left out" in working.lines[2].label


def test_a_menu_charges_counted_units_and_nothing_that_is_not_on_it() -> None:
    units = [("payroll_run", "2"), ("payroll_run", "-1"), ("purchase_order", "10"), ("filler_treatment", "3")]
    items = [Item(new_id(), unit, Decimal(n), date(2026, 11, 5), f"ref {unit}") for unit, n in units]
    menu = [{"unit": "payroll_run", "price": "250.00"}, {"unit": "purchase_order", "price": "4.5000"}]
    working = figure(make_terms("fee.per_service_menu", menu=menu), NOVEMBER, items=items)
    assert (working.amount, working.monthly) == (Decimal("295.00"), Decimal("295.00"))
    assert working.items == [item.id for item in items[:3]]


def test_a_flat_fee_that_follows_revenue_is_a_disguised_percentage() -> None:
    revenues = [Decimal(n) for n in (100, 120, 90, 150, 130, 110)]
    assert disguised_percentage([each / 10 for each in revenues], revenues) == pytest.approx(1)
    assert disguised_percentage([Decimal(10)] * 6, revenues) is None
    assert disguised_percentage([each / 10 for each in revenues[:5]], revenues[:5]) is None


def test_a_fee_out_of_no_profit_takes_all_of_it() -> None:
    assert share_of_profit(Decimal(50), Decimal(100)) == Decimal("0.5")
    assert share_of_profit(Decimal(50), Decimal(-1)) == Decimal(1)
