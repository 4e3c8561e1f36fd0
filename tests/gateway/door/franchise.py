"""A small franchise in plain facts, for tests of the door that need no database."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from services.gateway.catalogue.operations import Catalogue, Operation
from services.gateway.door.scoping import Caller
from services.gateway.principals.snapshot import Agreement, Entity, Grant, Location, Organization, Period, Principal

NAMES = UUID("018f0000-0000-7000-8000-000000000000")
ALL_SERVICES = frozenset({"procurement", "hr", "billing", "bookkeeping"})
ALWAYS = Period(date(2020, 1, 1))
YESTERDAY = date(2026, 11, 21)
TODAY = date(2026, 11, 22)


def named(name: str) -> UUID:
    return uuid5(NAMES, name)


def make_entity(name: str, kind: Any = "clinical_entity", **changes: Any) -> Entity:
    agreements = (Agreement(ALWAYS, ALL_SERVICES),) if kind == "clinical_entity" else ()
    return Entity(named(name), kind, name, **{"agreements": agreements, **changes})


def make_location(name: str, entity: Entity, **changes: Any) -> Location:
    return Location(named(name), entity, **{"agreements": entity.agreements, **changes})


def make_organization(*locations: Location, entities: tuple[Entity, ...] = ()) -> Organization:
    every = {entity.id: entity for entity in (*(location.entity for location in locations), *entities)}
    return Organization(named("organization"), {location.id: location for location in locations}, every)


MSO = make_entity("Glow MSO", "mso")
LAKESIDE = make_entity("Lakeside Aesthetics PC")
HUDSON = make_entity("Hudson Aesthetics PLLC", associations=(ALWAYS,))
ENDED = (Agreement(Period(date(2025, 1, 1), YESTERDAY), ALL_SERVICES),)
MESA = make_entity("Mesa Aesthetics PLLC", agreements=ENDED)

OAKLAND = make_location("Oakland", LAKESIDE, region_id=named("west"))
FRESNO = make_location("Fresno", LAKESIDE, region_id=named("west"))
ALBANY = make_location("Albany", HUDSON, region_id=named("east"))
TUCSON = make_location("Tucson", MESA, region_id=named("west"))
FRANCHISE = make_organization(OAKLAND, FRESNO, ALBANY, TUCSON, entities=(MSO,))
WITHOUT_MESA = make_organization(OAKLAND, FRESNO, ALBANY, entities=(MSO,))


def make_grant(role: str, kind: Any = "organization", scope: str | None = None, **changes: Any) -> Grant:
    limit = changes.pop("limit", None)
    values = {"period": ALWAYS, "limits": {"approval": Decimal(limit)} if limit else {}, **changes}
    return Grant(role, kind, named(scope) if scope else None, **values)


def make_caller(
    *grants: Grant,
    plane: Any = "business",
    organization: Organization = FRANCHISE,
    purposes: tuple[tuple[UUID, Period], ...] = (),
) -> Caller:
    principal = Principal(named("caller"), "person", "Robin Reyes", organization.id, plane)
    known = replace(organization, grants={principal.id: grants}, purposes={principal.id: purposes})
    return Caller(principal, known)


def make_operation(name: str, *scopes: Any, **changes: Any) -> Operation:
    values: dict[str, Any] = {"method": "POST", "path": "/" + name.replace(".", "/"), "plane": "any", "writes": True}
    return Operation(name, scopes=frozenset(scopes or ("location",)), **{**values, **changes})


DRAFT = make_operation("procurement.requisition.draft", "location", path="/requisitions")
READS: dict[str, Any] = {"writes": False, "method": "GET"}
LIST = make_operation("procurement.requisition.list", "location", "network", path="/requisitions", **READS)
JOURNAL = make_operation("billing.journal.list", "entity", "network", path="/journal", **READS)
ACCOUNT = make_operation(
    "billing.account.read", "location", path="/accounts/{account_id}", data_class="patient_account", **READS
)
CHART = make_operation("billing.chart.read", "location", path="/charts/{chart_id}", data_class="clinical", **READS)
VENDOR = make_operation("procurement.vendor.create", "organization", plane="business", path="/vendors")
SITE = make_operation("gateway.location.read", "location", "network", path="/location", **READS)
APPROVE = make_operation(
    "procurement.formulary.approve",
    "entity",
    path="/formulary/{entry_id}/approval",
    plane="clinical",
    reserved="procurement.formulary.approve",
    decider="medical_director",
)
CATALOGUE = Catalogue([DRAFT, LIST, JOURNAL, ACCOUNT, CHART, VENDOR, SITE, APPROVE])

# Permits of the kind that services write, wide enough to let the wall alone decide.
PERMITS = """
@id("test.buying") @why("They buy.")
permit (
  principal,
  action in [Action::"procurement.requisition.draft", Action::"procurement.requisition.list"],
  resource
)
when { context.roles.containsAny(["location_manager", "network_buyer", "clinical_entity_owner", "auditor", "ops"]) };

@id("test.vendors") @why("The office keeps vendors.")
permit (principal, action == Action::"procurement.vendor.create", resource)
when { context.roles.contains("network_buyer") };

@id("test.books") @why("They keep books.")
permit (principal, action == Action::"billing.journal.list", resource)
when { context.roles.containsAny(["controller", "clinical_entity_owner"]) };

@id("test.accounts") @why("They collect.")
permit (principal, action in [Action::"billing.account.read", Action::"billing.chart.read"], resource)
when { context.roles.containsAny(["biller", "provider"]) };

@id("test.buyer-approves") @why("A permit that forgets the wall.")
permit (principal, action == Action::"procurement.formulary.approve", resource)
when { context.roles.contains("network_buyer") };

@id("test.sites") @why("Everybody in the business knows the sites.")
permit (principal, action == Action::"gateway.location.read", resource);
"""
