"""Gathering what is on file and what the rules say, so that shifts can be judged, many at once."""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.hr.assignments.models import SiteAssignment
from services.hr.credentials import service as credentials
from services.hr.employers import service as employers
from services.hr.employers.rules import CLINICAL_ENTITY, Action, Verdict
from services.hr.employments.models import Employment
from services.hr.positions import rules as positions
from services.hr.readiness.rules import File, Ground, Plan
from services.hr.training import service as training
from shared import directory
from shared.clock import now

NOTHING_TO_JUDGE = Verdict(Action.ALLOW)
_Row = TypeVar("_Row", Employment, SiteAssignment)


class Desk:
    """What a judgement needs, read once for a set of people and remembered while they are judged."""

    def __init__(self, session: Session, person_ids: Sequence[UUID], *, training_too: bool) -> None:
        people = sorted(set(person_ids))
        self._session = session
        self._employments = {row.id: row for row in _about(session, Employment, people)}
        self._assignments = _about(session, SiteAssignment, people)
        self._credentials = credentials.of_people(session, people)
        self._completions = training.completions(session, people) if training_too else []
        self._kinds = positions.kinds(session)
        self._training = training.requirements(session, now().date()) if training_too else []
        self._verdicts: dict[tuple[bool, str, str], Verdict] = {}
        self._manages: dict[tuple[UUID, UUID, date], bool] = {}

    def file(self, person_id: UUID, employment_id: UUID) -> File:
        """What is on file about a person who works for one employment."""
        return File(
            employment=self._employments.get(employment_id),
            assignments=[row for row in self._assignments if row.person_id == person_id],
            credentials=[each for each in self._credentials if each.credential.person_id == person_id],
            completions=[done for done in self._completions if done.person_id == person_id],
        )

    def ground(self, plan: Plan, file: File) -> Ground:
        """What the rules and the directory say about it."""
        verdict, manages = self._employer(plan, file.employment) if file.employment else (NOTHING_TO_JUDGE, False)
        return Ground(verdict, manages, self._kinds, self._training)

    def _employer(self, plan: Plan, job: Employment) -> tuple[Verdict, bool]:
        kind = (job.clinical, job.employer_kind, plan.state)
        if kind not in self._verdicts:
            self._verdicts[kind] = employers.judge(
                self._session, clinical=job.clinical, employer_kind=job.employer_kind, states=[plan.state]
            )
        if job.employer_kind == CLINICAL_ENTITY:
            return self._verdicts[kind], False
        there = (job.legal_entity_id, plan.location_id, plan.days[0])
        if there not in self._manages:
            place = directory.location(self._session, plan.location_id)
            self._manages[there] = employers.manages(self._session, job.legal_entity_id, place, plan.days[0])
        return self._verdicts[kind], self._manages[there]


def _about(session: Session, model: type[_Row], person_ids: Sequence[UUID]) -> list[_Row]:
    return list(session.execute(select(model).where(model.person_id.in_(person_ids))).scalars())
