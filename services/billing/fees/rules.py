"""The fee-splitting guard: may this fee be charged in these states on this evidence? Decided by the rules dataset.

The dataset's `state_policy` turns a state's `percentage_fee` value into an action; `fee_model.ok_in` says under which
values a model needs nobody's leave; each check carries its own severity. An outcome is the worst of its checks.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from services.billing.evidence.models import Basis, Conclusion, CounselMemo, FairMarketValueOpinion
from services.billing.fees.judgement import RANK, Check, Judgement, Outcome
from shared.rules import Rule

FLAT, PERCENT_OF_GROSS, COST_PLUS = "fee.flat_monthly", "fee.pct_gross", "fee.cost_plus"
PER_SERVICE, HOURLY = "fee.per_service_menu", "fee.hourly"
COMPUTED = (FLAT, PERCENT_OF_GROSS, COST_PLUS, PER_SERVICE, HOURLY)
METERED = (PER_SERVICE, HOURLY)

# A unit of the per-service menu is an administrative act, never a treatment (fee.per_service_menu, notes).
ADMINISTRATIVE_UNITS = frozenset(
    {
        "payroll_run",
        "payslip",
        "purchase_order",
        "vendor_bill",
        "recruited_post",
        "credential_file",
        "training_assignment",
        "month_close",
        "claim_submitted",
        "patient_statement_sent",
        "it_device",
        "fixed_price_campaign",
    }
)


@dataclass(frozen=True, slots=True)
class StateOfCare:
    """A state the agreement's locations stand in, its entry of the dataset, and counsel's current memo on the model."""

    code: str
    rule: Rule | None
    memo: CounselMemo | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything the guard looks at. `rate` is the percentage or mark-up, `monthly` the amount of a whole month."""

    on: date
    model: Rule
    policy: Rule
    checks: dict[str, Rule]
    states: list[StateOfCare]
    opinion: FairMarketValueOpinion | None
    services: list[str]
    signed_on: date | None
    starts_on: date
    ends_on: date | None
    rate: Decimal | None = None
    monthly: Decimal | None = None
    menu_units: list[str] = field(default_factory=list)
    excludes_marketing: bool = False
    excludes_federal: bool = False

    @property
    def model_id(self) -> str:
        return self.model.key

    @property
    def varies(self) -> bool:
        """Whether the fee moves with clinical revenue."""
        return bool(self.model.body["varies_with_revenue"])


def judge(dossier: Dossier) -> Judgement:
    """Run every check that the dataset asks for when a fee is drafted, amended or charged."""
    found = [
        *(check for state in dossier.states for check in _state_checks(dossier, state)),
        *_opinion_checks(dossier),
        *_variable_checks(dossier),
        *_agreement_checks(dossier),
        *_unit_checks(dossier),
    ]
    worst = max((check.outcome for check in found), key=RANK.index, default=Outcome.ALLOWED)
    return Judgement(worst, sorted(found, key=lambda check: -RANK.index(check.outcome)), dossier.policy.dataset_version)


def _state_checks(dossier: Dossier, state: StateOfCare) -> list[Check]:
    """chk.state_model and chk.rules_stale for one state of care."""
    found = []
    stale = state.rule is None or state.rule.is_stale(dossier.on)
    value = _value(state, stale)
    if stale:
        why = f"The entry of {state.code} is missing, older than 180 days or past a watch date; it counts as unknown."
        found.append(_check(dossier, "chk.rules_stale", why, rule=state.rule, source=f"state:{state.code}"))
    action, why = _action(dossier, state, value)
    if action != "allow":
        found.append(
            _check(
                dossier,
                "chk.state_model",
                f"{state.code} is {value!r} for fees that vary with revenue. {why}",
                rule=state.rule,
                source=f"state:{state.code}",
                severity=action,
            )
        )
    return found


def _value(state: StateOfCare, stale: bool) -> str:
    """The state's percentage_fee; what is stale is unknown, except that a prohibition stands until it is lifted."""
    known = "unknown" if state.rule is None else str(state.rule.body["percentage_fee"])
    return known if known == "prohibited" or not stale else "unknown"


def _action(dossier: Dossier, state: StateOfCare, value: str) -> tuple[str, str]:
    """(allow | block | hold_for_counsel, why) of a fee model in a state."""
    policy = dossier.policy.body
    message = str(policy.get(value, policy["unknown"])["message"])
    permits = state.memo is not None and state.memo.conclusion == Conclusion.PERMITTED
    if state.memo is not None and not permits:
        return "block", f"Counsel's memo of {state.memo.written_on} does not permit it."
    if value in dossier.model.body["ok_in"]:
        weak = state.rule is not None and state.rule.body.get("fee_confidence") == "general_knowledge"
        if dossier.varies and weak and not permits:
            return "hold_for_counsel", str(policy["low_confidence_rule"])
        return "allow", ""
    if not dossier.model.body["ok_in"]:
        return ("hold_for_counsel" if permits else "block"), str(dossier.model.body["notes"])
    action = str(policy.get(value, policy["unknown"])["action"])
    if action == "block":
        return "block", message
    return ("allow", "") if permits else ("hold_for_counsel", message)


def _opinion_checks(dossier: Dossier) -> list[Check]:
    """chk.fmv_current and chk.fee_in_band, where the model asks for an opinion."""
    if "fmv_opinion" not in dossier.model.body["evidence"]:
        return []
    opinion = dossier.opinion
    if opinion is None:
        why = f"No opinion of fair market value for {dossier.model_id} is current on {dossier.on}."
        return [_check(dossier, "chk.fmv_current", why)]
    missing = sorted(set(dossier.services) - set(opinion.services_covered))
    if missing:
        return [_check(dossier, "chk.fmv_current", f"The opinion does not cover {', '.join(missing)}.")]
    return _band_checks(dossier, opinion)


def _band_checks(dossier: Dossier, opinion: FairMarketValueOpinion) -> list[Check]:
    basis = Basis.PERCENT if dossier.model_id in (PERCENT_OF_GROSS, COST_PLUS) else Basis.MONTHLY_AMOUNT
    if opinion.basis != basis:
        why = f"The opinion is on {opinion.basis}, this fee needs one on {basis}."
        return [_check(dossier, "chk.fmv_current", why)]
    figure = dossier.rate if basis == Basis.PERCENT else dossier.monthly
    if figure is None:
        return []  # a metered fee has no amount before its month
    # Few units in a month make a metered fee low, which takes nothing from the clinical entity.
    low = Decimal(0) if dossier.model_id in METERED else opinion.low
    if low <= figure <= opinion.high:
        return []
    why = f"{_plain(figure)} is outside {_plain(low)} to {_plain(opinion.high)} of the opinion of {opinion.valued_on}."
    return [_check(dossier, "chk.fee_in_band", why)]


def _variable_checks(dossier: Dossier) -> list[Check]:
    """What a fee that moves with revenue may not include."""
    if not dossier.varies:
        return []
    found = []
    if "marketing" in dossier.services or not dossier.excludes_marketing:
        why = "A fee that moves with revenue must leave marketing out; price it separately and fixed."
        found.append(_check(dossier, "chk.marketing_mix", why))
    if not dossier.excludes_federal:
        why = "Federal-programme revenue is not excluded from the base; anti-kickback and self-referral rules apply."
        found.append(_check(dossier, "chk.federal_revenue", why))
    return found


def _agreement_checks(dossier: Dossier) -> list[Check]:
    found = []
    if dossier.signed_on is None or dossier.signed_on > dossier.starts_on:
        why = "The agreement must be signed before its services start (42 CFR 1001.952(d)(1)(i))."
        found.append(_check(dossier, "chk.signatures", why))
    if dossier.ends_on is not None and dossier.ends_on < _one_year_after(dossier.starts_on):
        why = "The agreement's term is shorter than one year (42 CFR 1001.952(d)(1)(iii))."
        found.append(_check(dossier, "chk.term_length", why))
    return found


def _unit_checks(dossier: Dossier) -> list[Check]:
    """A unit of the menu is an administrative act; a formula that we do not have is not guessed."""
    if dossier.model_id not in COMPUTED:
        why = (
            f"{dossier.model.body['title']} has no formula here; use another model or have counsel and billing add it."
        )
        return [_check(dossier, "chk.invoice_formula", why)]
    if dossier.model_id != PER_SERVICE:
        return []
    strange = sorted(set(dossier.menu_units) - ADMINISTRATIVE_UNITS)
    if not strange:
        return []
    why = f"{', '.join(strange)}: not a known administrative unit. {dossier.model.body['notes']}"
    return [_check(dossier, "chk.state_model", why, rule=dossier.model, source=dossier.model_id)]


def _check(
    dossier: Dossier, key: str, why: str, *, rule: Rule | None = None, source: str | None = None, severity: str = ""
) -> Check:
    entry = dossier.checks[key]
    severity = severity or str(entry.body["severity"])
    outcome = {"block": Outcome.BLOCKED, "hold_for_counsel": Outcome.HELD}.get(severity, Outcome.ALLOWED)
    basis = rule or entry
    cites = [str(cited["cite"]) for cited in basis.body.get("sources", [])]
    return Check(
        id=key,
        title=str(entry.body["title"]),
        severity=severity,
        outcome=outcome,
        why=why,
        source=source or key,
        cites=cites,
        rule_version=basis.dataset_version,
    )


def _one_year_after(starts_on: date) -> date:
    """The last day of a term of one year."""
    day = 28 if (starts_on.month, starts_on.day) == (2, 29) else starts_on.day
    return starts_on.replace(year=starts_on.year + 1, day=day) - timedelta(days=1)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
