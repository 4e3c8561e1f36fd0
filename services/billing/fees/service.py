"""Proposing the terms of a management fee, and the clinical-entity owner's decision on them."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.billing.evidence.service import current_memo, current_opinion
from services.billing.fees.judgement import Judgement, Outcome
from services.billing.fees.models import FeeTerms, Status
from services.billing.fees.rules import COST_PLUS, FLAT, PERCENT_OF_GROSS, Dossier, StateOfCare, judge
from shared import decisions, directory, rules
from shared.clock import now, today
from shared.db import lock
from shared.directory import KnownAgreement
from shared.errors import Invalid, NotFound
from shared.identity import Context
from shared.ids import new_id
from shared.pagination import Page, page

DECISION = "billing.management_fee.approve"


class ServiceNotInAgreement(Invalid):
    """A fee pays only for services that the agreement covers."""


def agreement_of(session: Session, agreement_id: UUID, legal_entity_id: UUID) -> KnownAgreement:
    """An agreement of this clinical entity. Raises NotFound."""
    agreement = session.get(KnownAgreement, agreement_id)
    if agreement is None or agreement.legal_entity_id != legal_entity_id:
        raise NotFound("No such agreement.")
    return agreement


def hold_agreement(session: Session, agreement_id: UUID, legal_entity_id: UUID) -> KnownAgreement:
    """The agreement, alone: deciding on its terms and drafting its statements take turns. Raises NotFound."""
    agreement_of(session, agreement_id, legal_entity_id)
    return lock(session, KnownAgreement, agreement_id)


def judge_terms(
    session: Session, agreement: KnownAgreement, terms: FeeTerms, on: date, monthly: Decimal | None = None
) -> Judgement:
    """What the guard says of `terms` on a day; `monthly` is the amount of a whole month where it is known."""
    model = rules.require(session, "fee_model", terms.fee_model, on)
    dossier = Dossier(
        on=on,
        model=model,
        policy=rules.require(session, "fee_policy", "state_policy", on),
        checks={entry.key: entry for entry in rules.rules(session, "check", on)},
        states=_states_of_care(session, agreement, terms.fee_model, on),
        opinion=current_opinion(session, agreement.legal_entity_id, terms.fee_model, on),
        services=terms.services,
        signed_on=agreement.signed_on,
        starts_on=agreement.starts_on,
        ends_on=agreement.ends_on,
        rate=terms.percent if terms.fee_model in (PERCENT_OF_GROSS, COST_PLUS) else None,
        monthly=terms.monthly_amount if terms.fee_model == FLAT else monthly,
        menu_units=[entry["unit"] for entry in terms.menu],
        excludes_marketing=terms.excludes_marketing,
        excludes_federal=terms.excludes_federal,
    )
    return judge(dossier)


def _states_of_care(session: Session, agreement: KnownAgreement, fee_model: str, on: date) -> list[StateOfCare]:
    """Every state the agreement's locations stand in: the strictest governs a shared fee (multi_state_rule)."""
    codes = sorted({directory.location(session, location_id).state for location_id in agreement.location_ids})
    if not codes:
        codes = [directory.entity(session, agreement.legal_entity_id).state]
    return [
        StateOfCare(
            code,
            rules.rule(session, "state", code, on),
            current_memo(session, agreement.legal_entity_id, fee_model, code, on),
        )
        for code in codes
    ]


def propose(session: Session, context: Context, *, agreement_id: UUID, **values: Any) -> FeeTerms:
    """Propose terms. What the rules block is refused; what they hold for counsel is kept and cannot be approved yet.

    Raises NotFound, MissingTerm, ServiceNotInAgreement, FeeNotAllowed, RuleUnknown.
    """
    agreement = agreement_of(session, agreement_id, context.scope.legal_entity_id)
    terms = FeeTerms(
        id=new_id(),
        organization_id=context.organization_id,
        legal_entity_id=agreement.legal_entity_id,
        agreement_id=agreement.id,
        mso_id=agreement.mso_id,
        status=Status.PROPOSED,
        proposed_by=context.principal_id,
        proposed_at=now(),
        **values,
    )
    terms.check_complete()
    uncovered = sorted(set(terms.services) - set(agreement.services))
    if uncovered:
        raise ServiceNotInAgreement(f"The agreement does not cover {', '.join(uncovered)}.")
    terms.judged(judge_terms(session, agreement, terms, today()))
    if terms.outcome == Outcome.BLOCKED:
        terms.check_allowed()
    session.add(terms)
    session.flush()
    return terms


def check_again(session: Session, terms_id: UUID) -> FeeTerms:
    """Run the guard once more, after evidence or rules changed. Raises NotFound, AlreadyDecided."""
    terms = lock(session, FeeTerms, terms_id)
    terms.check_open()
    agreement = agreement_of(session, terms.agreement_id, terms.legal_entity_id)
    terms.judged(judge_terms(session, agreement, terms, today()))
    session.flush()
    return terms


def decide(
    session: Session,
    context: Context,
    terms_id: UUID,
    outcome: Literal["approved", "refused"],
    reason: str | None = None,
) -> FeeTerms:
    """The owner decides on proposed terms; approving twice is once.

    Raises NotTheDecider, AlreadyDecided, FeeNotAllowed, MethodFixed.
    """
    terms = lock(session, FeeTerms, terms_id)
    agreement = hold_agreement(session, terms.agreement_id, terms.legal_entity_id)
    approving = outcome == "approved"
    if approving and terms.status == Status.APPROVED:
        return terms
    terms.check_open()
    if approving:
        terms.judged(judge_terms(session, agreement, terms, today()))
        terms.check_allowed()
        terms.check_after(approved(session, agreement.id))
    taken = decisions.take(
        session,
        context,
        DECISION,
        outcome=outcome,
        legal_entity_id=terms.legal_entity_id,
        subject_type="fee_terms",
        subject_id=terms.id,
        summary=f"Terms {terms.fee_model} from {terms.effective_from:%Y-%m}" + (f": {reason}" if reason else ""),
        proposed_by=terms.proposed_by,
        before=_figures(in_force(session, agreement.id, terms.effective_from)),
        after=terms.figures() if approving else None,
    )
    terms.decide(Status(outcome), context.principal_id, now(), taken.id)
    session.flush()
    return terms


def _figures(terms: FeeTerms | None) -> dict[str, Any] | None:
    return terms.figures() if terms else None


def in_force(session: Session, agreement_id: UUID, month: date) -> FeeTerms | None:
    """The approved terms that govern a month (its first day)."""
    query = select(FeeTerms).where(
        FeeTerms.agreement_id == agreement_id,
        FeeTerms.status == Status.APPROVED,
        FeeTerms.effective_from <= month,
    )
    return session.scalars(query.order_by(FeeTerms.effective_from.desc())).first()


def approved(session: Session, agreement_id: UUID) -> list[FeeTerms]:
    """Every approved terms of an agreement, oldest first."""
    query = select(FeeTerms).where(FeeTerms.agreement_id == agreement_id, FeeTerms.status == Status.APPROVED)
    return list(session.scalars(query.order_by(FeeTerms.effective_from)))


def listing(session: Session, *, limit: int, cursor: str | None, agreement_id: UUID | None = None) -> Page[FeeTerms]:
    """The newest proposals first."""
    query = select(FeeTerms)
    if agreement_id:
        query = query.where(FeeTerms.agreement_id == agreement_id)
    return page(session, query, [FeeTerms.id], limit=limit, cursor=cursor)
