"""The hr service: which capabilities it serves."""

from flask import Flask

from services.hr.assignments.routes import blueprint as assignments
from services.hr.credentials.routes import blueprint as credentials
from services.hr.employers.routes import blueprint as clearances
from services.hr.employments.routes import blueprint as employments
from services.hr.people.routes import blueprint as people
from services.hr.placements.routes import blueprint as placements
from services.hr.schedule_terms.routes import blueprint as schedule_terms
from services.hr.shifts.routes import blueprint as shifts
from services.hr.training.routes import blueprint as training
from shared import feed, parked
from shared.settings import Settings
from shared.web.app import create_app

BLUEPRINTS = (people, employments, clearances, placements, assignments, credentials, training, schedule_terms, shifts)


def create(settings: Settings) -> Flask:
    """The app of this service."""
    return create_app(
        settings, title="Partywall hr", blueprints=[*BLUEPRINTS, parked.blueprint("hr"), feed.blueprint()]
    )
