"""What must be in order before somebody works a shift; every check names what is missing, with its source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.hr.assignments.models import SiteAssignment
from services.hr.credentials.models import CredentialStanding
from services.hr.employers.rules import CLINICAL_ENTITY, POLICY, Action, Verdict
from services.hr.employments.models import Employment
from services.hr.positions import rules as positions
from services.hr.schedule_terms.models import ScheduleTerms
from services.hr.training import rules as training_rules
from services.hr.training.models import TrainingCompletion
from shared.rules import Rule

# Product default for those whose hours no owner sets; no law of the dataset stands behind it, so it can be overridden.
REST_HOURS = Decimal(8)
TERMS = "hr.clinician.schedule.set"
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is not in order. `waivable`: no law asks for it, so a named person may let it pass."""

    item: str
    title: str
    detail: str
    sources: tuple[str, ...] = ()
    waivable: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, aware UTC instants."""

    starts_at: datetime
    ends_at: datetime

    @property
    def hours(self) -> Decimal:
        return Decimal(int((self.ends_at - self.starts_at).total_seconds())) / 3600


@dataclass(frozen=True, slots=True)
class Plan:
    """A shift to be judged: where, when, in the site's own days (a night shift touches two)."""

    location_id: UUID
    clinical_entity_id: UUID
    state: str
    locality: str | None
    span: Span
    days: tuple[date, ...]
    today: date


@dataclass(frozen=True, slots=True)
class File:
    """What is on file about the person for this shift."""

    employment: Employment | None
    assignments: Sequence[SiteAssignment]
    credentials: Sequence[CredentialStanding]
    completions: Sequence[TrainingCompletion]


@dataclass(frozen=True, slots=True)
class Ground:
    """What the rules and the directory say: the employer verdict here, whether the employer manages the site on that
    day, the credential kinds, the training rules."""

    verdict: Verdict
    manages: bool
    kinds: Sequence[Rule]
    training: Sequence[Rule]


Check = Callable[[Plan, File, Ground], list[Missing]]


def employer(plan: Plan, file: File, ground: Ground) -> list[Missing]:
    """Employed on each day, by an entity that may employ this position here."""
    job = file.employment
    if job is None or not all(job.covers(day) for day in plan.days):
        return [Missing("employment", "Employment", "No employment covers this day.")]
    if ground.verdict.action in (Action.REFUSE, Action.HOLD):
        return [Missing("employer", "Employer of record", ground.verdict.why, (POLICY, *ground.verdict.sources))]
    if job.employer_kind != CLINICAL_ENTITY and not ground.manages:
        detail = "The employer has no management agreement in force at this site on that day."
        return [Missing("agreement", "Management agreement", detail)]
    return []


def site(plan: Plan, file: File, ground: Ground) -> list[Missing]:
    """Assigned to this site on each day, by the same employment."""
    job = file.employment
    here = [each for each in file.assignments if job and each.employment_id == job.id]
    here = [each for each in here if each.location_id == plan.location_id]
    if all(any(each.covers(day) for each in here) for day in plan.days):
        return []
    return [Missing("assignment", "Site assignment", "Not assigned to this site on that day.")]


def licences(plan: Plan, file: File, ground: Ground) -> list[Missing]:
    """What blocks the role's work, for this state, in force on each day and confirmed at its source."""
    if file.employment is None:
        return []
    found = []
    for need in positions.needs(file.employment.position, plan.state, ground.kinds):
        held = [each for each in file.credentials if each.credential.kind in need.kinds]
        if need.per_state:
            held = [each for each in held if each.credential.state == plan.state]
        if not all(any(each.counts_on(day) for each in held) for day in plan.days):
            found.append(_missing_credential(need, held, plan))
    return found


def _missing_credential(need: positions.Need, held: Sequence[CredentialStanding], plan: Plan) -> Missing:
    place = f" for {plan.state}" if need.per_state else ""
    newest = max(held, key=lambda each: (each.credential.expires_on or date.max, each.credential.id), default=None)
    state = newest.status_on(plan.days[-1]).replace("_", " ") if newest else "not recorded"
    until = f" since {newest.credential.expires_on}" if newest and state == "lapsed" else ""
    return Missing(f"credential:{need.kinds[0]}", need.title, f"{need.title}{place}: {state}{until}.", need.sources)


def exclusion(plan: Plan, file: File, ground: Ground) -> list[Missing]:
    """The OIG/SAM check is current: on the day itself, or today where the shift lies ahead (it is made every month)."""
    kind = positions.exclusion_kind(ground.kinds)
    day = min(plan.today, plan.days[0])
    held = [each for each in file.credentials if each.credential.kind == kind.key]
    # The newest check decides: an older clear one does not outweigh a match.
    newest = max(held, key=lambda each: (each.credential.issued_on, each.credential.id), default=None)
    if newest is not None and newest.counts_on(day):
        return []
    state = newest.status_on(day).replace("_", " ") if newest else "not recorded"
    return [
        Missing(
            f"credential:{kind.key}", kind.body["title"], f"{kind.body['title']}: {state}.", positions.sources(kind)
        )
    ]


def training(plan: Plan, file: File, ground: Ground) -> list[Missing]:
    """Every training that is due by then has a proof that counts."""
    job = file.employment
    if job is None:
        return []
    work = training_rules.Work(job.position, frozenset(job.exposures), plan.state, plan.locality, job.starts_on)
    return [
        _missing_training(entry, file.completions, plan)
        for entry in training_rules.asked(ground.training, work)
        if _is_open(entry, work, file.completions, plan)
    ]


def _is_open(entry: Rule, work: training_rules.Work, completions: Sequence[TrainingCompletion], plan: Plan) -> bool:
    due = training_rules.first_due(entry.body, work).on
    if due is None or due > plan.days[-1]:
        return False
    proofs = [done for done in completions if done.requirement == entry.key]
    return not all(any(done.counts_on(day) for done in proofs) for day in plan.days)


def _missing_training(entry: Rule, completions: Sequence[TrainingCompletion], plan: Plan) -> Missing:
    ends = [done.valid_until for done in completions if done.requirement == entry.key and done.valid_until]
    detail = f"proof ended on {max(ends)}" if ends and max(ends) < plan.days[-1] else "not done"
    cites = (f"training:{entry.key}@{entry.dataset_version}", entry.body["citation"], entry.body.get("source"))
    return Missing(
        f"training:{entry.key}",
        entry.body["title"],
        f"{entry.body['title']}: {detail}.",
        tuple(str(cite) for cite in cites if cite),
        waivable=entry.body["force"] != "law",
    )


# What takes a published shift off the roster the day it no longer holds.
STANDING: tuple[Check, ...] = (employer, site, licences, exclusion)
ALL: tuple[Check, ...] = (*STANDING, training)


def missing(plan: Plan, file: File, ground: Ground, checks: Sequence[Check] = ALL) -> list[Missing]:
    """Everything that is not in order, not just the first thing."""
    return [each for check in checks for each in check(plan, file, ground)]


def times(
    plan: Plan, taken: Sequence[Span], week: Sequence[Span], clinical: bool, terms: ScheduleTerms | None
) -> list[Missing]:
    """No overlap with other published shifts, enough rest, and for clinicians the owner's terms.

    `taken` are the person's other published shifts anywhere, `week` those of the same week (Monday to Sunday at the
    site).
    """
    if any(other.starts_at < plan.span.ends_at and plan.span.starts_at < other.ends_at for other in taken):
        return [Missing("overlap", "One place at a time", "Another published shift lies at that time.")]
    if not clinical:
        return _rest(plan, taken, REST_HOURS, (), waivable=True)
    source = (f"reserved_decision:{TERMS}",)
    if terms is None:
        detail = "The owner of the clinical entity has set no schedule terms for this day."
        return [Missing("schedule_terms", "Clinicians' schedule terms", detail, source)]
    found = _rest(plan, taken, terms.min_rest_hours, source, waivable=False)
    if plan.span.hours > terms.max_shift_hours:
        found.append(
            Missing("shift_hours", "Longest shift", f"The owner allows {terms.max_shift_hours:f} hours.", source)
        )
    if plan.span.hours + sum((each.hours for each in week), Decimal(0)) > terms.max_week_hours:
        found.append(Missing("week_hours", "Longest week", f"The owner allows {terms.max_week_hours:f} hours.", source))
    return found


def _rest(
    plan: Plan, taken: Sequence[Span], hours: Decimal, sources: tuple[str, ...], *, waivable: bool
) -> list[Missing]:
    least = HOUR * float(hours)
    near = [
        each
        for each in taken
        if each.ends_at + least > plan.span.starts_at and each.starts_at - least < plan.span.ends_at
    ]
    if not near:
        return []
    return [Missing("rest", "Rest between shifts", f"At least {hours:f} hours.", sources, waivable)]
