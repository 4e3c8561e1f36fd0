"""Tenancy in the database: three scope roles, one row-level policy each, forced on every table an organization owns.

A transaction chooses its scope with SET LOCAL ROLE and transaction-local settings; nothing outlives it, so a pooled
connection (PgBouncer included) never carries one caller's scope to the next.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

# `person`: a person's own row; `personal`: what is about a person (person_id). Both are seen where the person works.
Ownership = Literal["organization", "location", "entity", "person", "personal"]

SITE, MULTI, NETWORK, PLATFORM_ROLE = "partywall_site", "partywall_multi", "partywall_network", "partywall_platform"
OWNER, APP = "partywall_owner", "partywall_app"


@dataclass(frozen=True, slots=True)
class Scope:
    """What rows a transaction may see and touch. `None` for locations or entities means all of the organization.

    kind `location`: one location and the clinical entity that practises there. `entity`: one legal entity and its
    locations. `network`: several of both, or all. `organization`: things that belong to the whole organization.
    `office`: somebody who may do this in the whole organization asks, and only the wall leaves places out: they also
    see who is employed by these entities, wherever they work, and who works nowhere yet.
    """

    organization_id: UUID
    kind: Literal["location", "entity", "network", "organization"]
    locations: tuple[UUID, ...] | None = None
    entities: tuple[UUID, ...] | None = None
    office: bool = False

    @property
    def location_id(self) -> UUID:
        """The one location of a location scope. Raises ValueError for any other kind."""
        if self.kind != "location" or not self.locations:
            raise ValueError("this scope is not one location")
        return self.locations[0]

    @property
    def legal_entity_id(self) -> UUID:
        """The one legal entity of an entity scope, or the clinical entity of a location scope."""
        if self.entities is None or len(self.entities) != 1:
            raise ValueError("this scope is not one legal entity")
        return self.entities[0]

    @property
    def role(self) -> str:
        if self.kind == "location":
            return SITE
        return NETWORK if self.locations is None and self.entities is None else MULTI

    @classmethod
    def whole(cls, organization_id: UUID) -> "Scope":
        """Everything of one organization: consumers, seeds and maintenance commands."""
        return cls(organization_id, "network")

    def settings(self) -> dict[str, str]:
        """The transaction-local settings the policies read."""
        one = self.kind in ("location", "entity")
        return {
            "app.organization": str(self.organization_id),
            "app.location": str(self.location_id) if self.kind == "location" else "",
            "app.entity": str(self.entities[0]) if one and self.entities else "",
            "app.locations": _array(self.locations),
            "app.entities": _array(self.entities),
            "app.office": "true" if self.office else "",
        }


def _array(ids: tuple[UUID, ...] | None) -> str:
    return "{" + ",".join(str(i) for i in ids or ()) + "}"


_ORGANIZATION = "organization_id = (select nullif(current_setting('app.organization', true), '')::uuid)"


def _one(column: str, setting: str) -> str:
    return f"{_ORGANIZATION} and {column} = (select nullif(current_setting('{setting}', true), '')::uuid)"


def _any(column: str, setting: str) -> str:
    # The cast needs '{}' where the setting is unset ('' after a first SET LOCAL, null before).
    array = f"coalesce(nullif(current_setting('{setting}', true), ''), '{{}}')::uuid[]"
    return f"{_ORGANIZATION} and {column} = any((select {array})::uuid[])"


# A site sees who works there; an entity also whom it employs; several sites (a region) only who works at one of them;
# the office also whom its entities employ, and who has no place yet (an empty array equals one, null equals nothing).
_WORKS_HERE = "location_ids @> array[(select nullif(current_setting('app.location', true), '')::uuid)]"
_WORKS_IN = (
    "(location_ids && (select coalesce(nullif(current_setting('app.locations', true), ''), '{}')::uuid[])"
    " or entity_ids @> array[(select nullif(current_setting('app.entity', true), '')::uuid)]"
    " or entity_ids && (select case current_setting('app.office', true) when 'true'"
    " then coalesce(nullif(current_setting('app.entities', true), ''), '{}')::uuid[] else '{}' end)"
    " or location_ids = (select case current_setting('app.office', true) when 'true' then '{}'::uuid[] end)"
    " and entity_ids = '{}')"
)
# The list of visible people is made once a query, by the policy of `person` itself.
_ABOUT_SEEN_PEOPLE = "person_id = any((select array(select id from person))::uuid[])"


POLICIES: dict[Ownership, dict[str, str]] = {
    "organization": {SITE: _ORGANIZATION, MULTI: _ORGANIZATION, NETWORK: _ORGANIZATION},
    "location": {
        SITE: _one("location_id", "app.location"),
        MULTI: _any("location_id", "app.locations"),
        NETWORK: _ORGANIZATION,
    },
    "entity": {
        SITE: _one("legal_entity_id", "app.entity"),
        MULTI: _any("legal_entity_id", "app.entities"),
        NETWORK: _ORGANIZATION,
    },
    "person": {
        SITE: f"{_ORGANIZATION} and {_WORKS_HERE}",
        MULTI: f"{_ORGANIZATION} and {_WORKS_IN}",
        NETWORK: _ORGANIZATION,
    },
    "personal": {
        SITE: f"{_ORGANIZATION} and {_ABOUT_SEEN_PEOPLE}",
        MULTI: f"{_ORGANIZATION} and {_ABOUT_SEEN_PEOPLE}",
        NETWORK: _ORGANIZATION,
    },
}


def protect_sql(table: str, by: Ownership, *, append_only: bool = False, platform: bool = False) -> list[str]:
    """Statements that put `table` behind forced row-level security.

    `append_only` grants no UPDATE and no DELETE. `platform` also opens the table to the platform role, which no request
    runs as: the relay, the inbox and sign-in, which work before or beyond any one organization.
    """
    verbs = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    statements = [f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY', f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY']
    for role, predicate in POLICIES[by].items():
        statements.append(f'CREATE POLICY "{role}" ON "{table}" TO {role} USING ({predicate}) WITH CHECK ({predicate})')
        statements.append(f'GRANT {verbs} ON "{table}" TO {role}')
    if platform:
        statements.append(f'CREATE POLICY "{PLATFORM_ROLE}" ON "{table}" TO {PLATFORM_ROLE} USING (true)')
        statements.append(f'GRANT {verbs} ON "{table}" TO {PLATFORM_ROLE}')
    return statements


def create_roles_sql() -> str:
    """One idempotent block that makes the roles (they are cluster-wide); run as a superuser.

    The application logs in as a role that owns nothing, inherits nothing and cannot pass row-level security: with the
    default INHERIT, membership of the network role alone would open every row.
    """
    members = "\n".join(
        f"""  BEGIN CREATE ROLE {role} NOLOGIN NOINHERIT;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
  BEGIN GRANT {role} TO {APP}; EXCEPTION WHEN unique_violation THEN NULL; END;"""
        for role in (SITE, MULTI, NETWORK, PLATFORM_ROLE)
    )
    return f"""DO $$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('partywall roles'));
  BEGIN CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
  BEGIN CREATE ROLE {APP} LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT NOCREATEDB NOCREATEROLE;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
{members}
END $$"""
