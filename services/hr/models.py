"""Every table of the service, for migrations."""

# ruff: noqa: F401
import services.hr.assignments.models
import services.hr.credentials.models
import services.hr.employers.models
import services.hr.employments.models
import services.hr.people.models
import services.hr.schedule_terms.models
import services.hr.shifts.models
import services.hr.training.models
from shared import decisions, directory, idempotency, inbox, numbers, outbox, rules, site_facts

SHARED = (decisions, directory, idempotency, inbox, numbers, outbox, rules, site_facts)
