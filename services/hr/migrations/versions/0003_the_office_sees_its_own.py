"""the office sees its own people and those of no place yet, also where the wall leaves a place out."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ORGANIZATION = "organization_id = (select nullif(current_setting('app.organization', true), '')::uuid)"
_BEFORE = (
    "location_ids && (select coalesce(nullif(current_setting('app.locations', true), ''), '{}')::uuid[])"
    " or entity_ids @> array[(select nullif(current_setting('app.entity', true), '')::uuid)]"
)
_OFFICE = (
    "entity_ids && (select case current_setting('app.office', true) when 'true'"
    " then coalesce(nullif(current_setting('app.entities', true), ''), '{}')::uuid[] else '{}' end)"
    " or location_ids = (select case current_setting('app.office', true) when 'true' then '{}'::uuid[] end)"
    " and entity_ids = '{}'"
)


def upgrade() -> None:
    _see(f"{_BEFORE} or {_OFFICE}")


def downgrade() -> None:
    _see(_BEFORE)


def _see(whom: str) -> None:
    rows = f"{_ORGANIZATION} and ({whom})"
    op.execute(f'ALTER POLICY partywall_multi ON "person" USING ({rows}) WITH CHECK ({rows})')
