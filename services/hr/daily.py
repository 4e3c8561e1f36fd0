"""What time alone changes: who left a site is seen there no longer, and new rules ask for training."""

from collections.abc import Iterator
from functools import partial
from uuid import UUID

from sqlalchemy import select, union

from services.hr.assignments import service as assignments
from services.hr.employments import service as employments
from services.hr.people.models import Person
from shared.chores import Chore, Step
from shared.contracts.hr import EmploymentStarted
from shared.db import Database, lock
from shared.ids import new_id
from shared.outbox import LoggedEvent, Origin, Pending
from shared.tenancy import Scope


def steps(database: Database) -> Iterator[Step]:
    """A step for each person of every organization."""
    for organization_id in _employing(database):
        scope = Scope.whole(organization_id)
        with database.transaction(scope) as session:
            people = list(session.execute(select(Person.id)).scalars())
        for person_id in people:
            yield partial(bring_up_to_date, database, scope, person_id)


def bring_up_to_date(database: Database, scope: Scope, person_id: UUID) -> None:
    """Show a person where they work today, and assign what the rules of today ask. Again changes nothing."""
    with database.transaction(scope) as session:
        session.info["origin"] = Origin(service="hr", request_id=f"daily-{new_id()}", operation="hr.command.daily")
        assignments.show_where_assigned(session, lock(session, Person, person_id))
        employments.assign_training(session, person_id)


def _employing(database: Database) -> list[UUID]:
    """The organizations in which somebody was ever employed, from this service's own log."""
    told = [select(log.organization_id).where(log.type == EmploymentStarted.type) for log in (Pending, LoggedEvent)]
    with database.platform_transaction() as session:
        return list(session.execute(union(*told)).scalars())


# At noon of UTC the day before is over in every state, and hardly a site is open.
CHORE = Chore("daily", steps, hour=12)
